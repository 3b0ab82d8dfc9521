/** Who waits to hear that what it gave up is known to be given up. */
import type { Timer } from '../../seams/clock.ts'

interface Waiting {
  readonly ballot: number
  readonly settle: (known: boolean) => void
}

export class Leavings {
  readonly #waiting = new Map<string, Set<Waiting>>()

  /** Settles with the answer for this ballot; false when none comes before the timer of `patience`, or on abort. */
  wait(
    instance: string,
    ballot: number,
    o: { readonly signal: AbortSignal | undefined; readonly patience: (run: () => void) => Timer },
  ): Promise<boolean> {
    const { signal, patience } = o
    return new Promise((resolve) => {
      const mine: Waiting = {
        ballot,
        settle: (known) => {
          signal?.removeEventListener('abort', onAbort)
          timer.cancel()
          this.#forget(instance, mine)
          resolve(known)
        },
      }
      const onAbort = (): void => mine.settle(false)
      const timer = patience(onAbort)
      this.#waiting.set(instance, (this.#waiting.get(instance) ?? new Set()).add(mine))
      signal?.addEventListener('abort', onAbort, { once: true })
      if (signal?.aborted === true) onAbort()
    })
  }

  left(instance: string, ballot: number): void {
    for (const waiting of [...(this.#waiting.get(instance) ?? [])])
      if (waiting.ballot <= ballot) waiting.settle(true)
  }

  /** The session is over, and everything it had with it. */
  settleAll(): void {
    for (const waiting of [...this.#waiting.values()].flatMap((each) => [...each])) waiting.settle(true)
  }

  #forget(instance: string, waiting: Waiting): void {
    const all = this.#waiting.get(instance)
    all?.delete(waiting)
    if (all?.size === 0) this.#waiting.delete(instance)
  }
}
