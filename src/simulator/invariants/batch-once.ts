/**
 * A batch whose answer is lost is proposed again, and must not count twice (DESIGN §4.2). What a second application
 * would do and the first does not: put a session back into a queue that it has left, so that it is granted what it does
 * not want.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { commitEvents } from './models/committed-log.ts'
import { ledgerOf, type Ledger } from './models/ledger.ts'

export const batchOnce: Invariant = {
  name: 'batch-once',
  claim:
    'A batch that was proposed several times is applied once: no retry makes a candidacy (S10, DESIGN §4.2).',
  types: [...commitEvents, 'sent'],
  messages: ['propose'],
  check: (context) => new BatchOnce(context),
}

class BatchOnce implements Checker {
  evaluations = 0
  readonly #ledger: Ledger
  /** Of each session, its newest batch and how often it was proposed to another peer. */
  readonly #proposed = new Map<string, { readonly number: number; times: number }>()
  /** `session election` of campaigns in batches that stand in the log again. */
  readonly #repeated = new Map<string, number>()

  constructor(context: CheckContext) {
    this.#ledger = ledgerOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#ledger.observe(event)
    if (event.type === 'sent' && event.message.kind === 'propose') {
      const { proposal } = event.message
      if (proposal.type === 'batch') this.#isProposed(proposal.session, proposal.number)
    }
    for (const effect of this.#ledger.fresh) {
      if (effect.type === 'repeated') {
        for (const { type, election } of effect.requests) {
          if (type === 'campaign')
            this.#repeated.set(`${effect.session.key} ${election}`, effect.session.number)
        }
      }
      if (effect.type !== 'grant-void') continue
      const batch = this.#repeated.get(`${effect.session} ${effect.election}`)
      ensure(batch === undefined, () => {
        const grant = `entry ${effect.index} grants '${effect.election}' to ${effect.session}`
        return `${grant}, known at ${event.at}; it does not wait, but a batch up to its ${batch}th was repeated`
      })
    }
  }

  #isProposed(session: string, number: number): void {
    const newest = this.#proposed.get(session)
    if (newest === undefined || number > newest.number) this.#proposed.set(session, { number, times: 1 })
    else if (number === newest.number) {
      newest.times += 1
      if (newest.times === 2) this.evaluations += 1
    }
  }
}
