import type { HistoryEvent } from '../history.ts'
import { ensure, type Checker, type Invariant } from './invariant.ts'
import { Campaigns, whoIs } from './models/campaigns.ts'

export const resignHonoured: Invariant = {
  name: 'resign-honoured',
  claim:
    'After a resignation or a transfer has settled, that leadership is never valid and has been lost (S9).',
  types: ['campaign', 'lost', 'checked', 'resigned', 'transferred'],
  check: () => new ResignHonoured(),
}

class ResignHonoured implements Checker {
  evaluations = 0
  readonly #campaigns = new Campaigns()
  readonly #lost = new Set<number>()
  /** When each was given up. */
  readonly #over = new Map<number, number>()

  observe(event: HistoryEvent): void {
    switch (event.type) {
      case 'campaign':
        this.#campaigns.begins(event)
        return
      case 'lost':
        this.#lost.add(event.attempt)
        return
      case 'resigned':
      case 'transferred': {
        const { attempt, type, outcome, at } = event
        // A transfer that was refused as such (INVALID_OPTIONS, UNSUPPORTED) has ended nothing.
        if (type === 'transferred' && !['done', 'refused', 'unknown'].includes(outcome)) return
        this.evaluations += 1
        ensure(this.#lost.has(attempt), () => {
          return `${whoIs(this.#campaigns.of(attempt))} has ${type} at ${at} (${outcome}), and was not told of its loss`
        })
        this.#over.set(attempt, at)
        return
      }
      case 'checked': {
        const over = this.#over.get(event.attempt)
        if (over === undefined) return
        this.evaluations += 1
        ensure(!event.valid, () => {
          return `${whoIs(this.#campaigns.of(event.attempt))} is valid at ${event.at}; it was given up at ${over}`
        })
        return
      }
      default:
    }
  }
}
