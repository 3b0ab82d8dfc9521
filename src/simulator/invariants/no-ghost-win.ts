import type { HistoryEvent } from '../history.ts'
import { ensure, type Checker, type Invariant } from './invariant.ts'

export const noGhostWin: Invariant = {
  name: 'no-ghost-win',
  claim: 'A campaign that was cancelled never wins later (S10).',
  types: ['campaign', 'cancel', 'elected', 'not-elected'],
  check: () => new NoGhostWin(),
}

class NoGhostWin implements Checker {
  evaluations = 0
  readonly #pending = new Set<number>()
  /** When each was cancelled, before it was over. */
  readonly #cancelled = new Map<number, number>()

  observe(event: HistoryEvent): void {
    switch (event.type) {
      case 'campaign':
        this.#pending.add(event.attempt)
        return
      case 'cancel':
        if (!this.#pending.has(event.attempt)) return
        this.evaluations += 1
        this.#cancelled.set(event.attempt, event.at)
        return
      case 'elected': {
        const cancelledAt = this.#cancelled.get(event.attempt)
        ensure(cancelledAt === undefined, () => {
          const win = `attempt ${event.attempt} of ${event.process} is elected with ${event.token} at ${event.at}`
          return `${win}; it was cancelled at ${cancelledAt}`
        })
        this.#pending.delete(event.attempt)
        return
      }
      case 'not-elected':
        this.#pending.delete(event.attempt)
        return
      default:
    }
  }
}
