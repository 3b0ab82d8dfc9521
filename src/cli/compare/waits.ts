/** Waits for what happens, each with a bound; all of them end when the whole does. */
export class Waits {
  readonly #ended: AbortSignal
  readonly #looks = new Set<() => void>()

  constructor(ended: AbortSignal) {
    this.#ended = ended
  }

  /** Something happened. */
  look(): void {
    for (const look of this.#looks) look()
  }

  /** Until it holds or, unless `late` has something against it, the time is over. @throws the reason of the end */
  wait(holds: () => boolean, limitMs: number, late: () => Error | undefined): Promise<void> {
    const ended = this.#ended
    return new Promise((resolve, reject) => {
      if (ended.aborted) return reject(ended.reason as Error)
      const settle = (error?: Error): void => {
        clearTimeout(limit)
        this.#looks.delete(look)
        ended.removeEventListener('abort', aborted)
        if (error === undefined) resolve()
        else reject(error)
      }
      const aborted = (): void => settle(ended.reason as Error)
      const look = (): void => {
        if (holds()) settle()
      }
      const limit = setTimeout(() => settle(late()), limitMs)
      ended.addEventListener('abort', aborted)
      this.#looks.add(look)
      look()
    })
  }
}
