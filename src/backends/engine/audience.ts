/** Who follows which election of a session or reader: the present state first, then the changes. */
import type { ObservedState } from '../../cluster/messages.ts'
import type { ObserveEvents } from '../backend.ts'
import type { Observation } from '../observations.ts'
import { tellObserver } from '../tell-observer.ts'

interface Followed {
  readonly listeners: Set<ObserveEvents>
  state: ObservedState | null
}

interface AudienceDuties {
  /** Somebody follows this election now. */
  began(election: string): void
  /** Nobody does any more. */
  ceased(election: string): void
}

export class Audience {
  readonly #duties: AudienceDuties
  readonly #followed = new Map<string, Followed>()

  constructor(duties: AudienceDuties) {
    this.#duties = duties
  }

  get elections(): readonly string[] {
    return [...this.#followed.keys()]
  }

  /** Nothing is told from inside this call. */
  follow(election: string, on: ObserveEvents): Observation {
    const known = this.#followed.get(election)
    const followed: Followed = known ?? { listeners: new Set(), state: null }
    if (known === undefined) {
      this.#followed.set(election, followed)
      this.#duties.began(election)
    }
    const { listeners } = followed
    listeners.add(on)
    queueMicrotask(() => {
      if (listeners.has(on) && followed.state !== null) tellObserver(on, followed.state)
    })
    return {
      close: () => {
        if (!listeners.delete(on) || listeners.size > 0) return
        this.#followed.delete(election)
        this.#duties.ceased(election)
      },
    }
  }

  /** Who asks from now on is told this by the microtask of its own. */
  tell(election: string, state: ObservedState): void {
    const followed = this.#followed.get(election)
    if (followed === undefined) return
    followed.state = state
    for (const listener of [...followed.listeners]) tellObserver(listener, state)
  }

  clear(): void {
    for (const { listeners } of this.#followed.values()) listeners.clear()
    this.#followed.clear()
  }
}
