/**
 * What the whole of support is for: once a majority has withdrawn the epoch in which a session lives, nothing that it
 * holds is valid, in true time, told or not (DESIGN §4.1 A3 to A5). If the session was moved to a newer epoch, the
 * withdrawals of the older one say nothing.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { commitEvents } from './models/committed-log.ts'
import { ledgerOf, type Ledger } from './models/ledger.ts'
import { withdrawalsOf, type Withdrawals } from './models/withdrawals.ts'

export const withdrawnIsOver: Invariant = {
  name: 'withdrawn-is-over',
  claim: 'No leadership is valid after a majority withdrew the epoch of its session (A5, S6).',
  types: commitEvents,
  check: (context) => new WithdrawnIsOver(context),
}

class WithdrawnIsOver implements Checker {
  evaluations = 0
  readonly #context: CheckContext
  readonly #ledger: Ledger
  readonly #withdrawals: Withdrawals

  constructor(context: CheckContext) {
    this.#context = context
    this.#ledger = ledgerOf(context)
    this.#withdrawals = withdrawalsOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#ledger.observe(event)
    this.#withdrawals.observe(event)
    for (const { session, epoch } of this.#withdrawals.fresh) this.#withdrawn(event, session, epoch)
  }

  #withdrawn({ at }: HistoryEvent, key: string, epoch: number): void {
    const session = this.#ledger.known.get(key)
    if (session?.epoch !== epoch || this.#ledger.heldBy(key).length === 0) return
    this.evaluations += 1
    for (const leadership of this.#context.leaderships()) {
      const { election, token } = leadership
      if (this.#ledger.grant(election, token)?.session !== key) continue
      ensure(!leadership.isValid(), () => {
        const voters = [...this.#withdrawals.by(key, epoch)].join(', ')
        const who = `${leadership.process} as ${leadership.candidate} with token ${token}`
        return `'${election}' is led validly by ${who} at ${at}, although ${voters} withdrew epoch ${epoch} of ${key}`
      })
    }
  }
}
