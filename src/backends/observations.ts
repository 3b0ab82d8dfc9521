import type { ObserveEvents, Observer } from './backend.ts'

export interface Observation {
  close(): void
}

/** What somebody observes: closed each by itself, or all at once. */
export class Observations {
  readonly #open = new Set<Observation>()

  add(observation: Observation): Observation {
    this.#open.add(observation)
    return {
      close: () => {
        this.#open.delete(observation)
        observation.close()
      },
    }
  }

  closeAll(): void {
    for (const observation of this.#open) observation.close()
    this.#open.clear()
  }
}

/** An observer without a session of its own. */
export function plainObserver(
  scope: string,
  observe: (election: string, on: ObserveEvents) => Observation,
): Observer & { close(): Promise<void> } {
  const observations = new Observations()
  return {
    scope,
    observe: (election, on) => observations.add(observe(election, on)),
    close: () => {
      observations.closeAll()
      return Promise.resolve()
    },
  }
}
