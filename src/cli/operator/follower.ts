import type { Election, ElectionState } from '../../index.ts'

/** The newest state of an election, and waits for another. */
export class Follower {
  #state: ElectionState | undefined
  #failure: { readonly error: unknown } | undefined
  #looks = new Set<() => void>()

  constructor(election: Election, signal: AbortSignal) {
    void this.#follow(election, signal)
  }

  /** Undefined before the first. */
  get state(): ElectionState | undefined {
    return this.#state
  }

  /** False when `signal` aborts first. @throws what the election refuses */
  async until(condition: (state: ElectionState) => boolean, signal: AbortSignal): Promise<boolean> {
    const holds = (): boolean => this.#state !== undefined && condition(this.#state)
    while (!holds()) {
      if (this.#failure !== undefined) throw this.#failure.error
      if (signal.aborted) return false
      await new Promise<void>((resolve) => {
        const look = (): void => {
          this.#looks.delete(look)
          signal.removeEventListener('abort', look)
          resolve()
        }
        this.#looks.add(look)
        signal.addEventListener('abort', look, { once: true })
      })
    }
    return true
  }

  async #follow(election: Election, signal: AbortSignal): Promise<void> {
    try {
      for await (const state of election.observe({ signal })) {
        this.#state = state
        this.#wake()
      }
    } catch (error) {
      this.#failure = { error }
      this.#wake()
    }
  }

  #wake(): void {
    for (const look of [...this.#looks]) look()
  }
}
