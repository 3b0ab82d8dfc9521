import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { commitEvents } from './models/committed-log.ts'
import { ledgerOf, type Ledger } from './models/ledger.ts'

export const grantInAVacancy: Invariant = {
  name: 'grant-in-a-vacancy',
  claim:
    'An election is granted only while it is vacant, and only to a session that waits for it (DESIGN §4.2).',
  types: commitEvents,
  check: (context) => new GrantInAVacancy(context),
}

class GrantInAVacancy implements Checker {
  evaluations = 0
  readonly #ledger: Ledger

  constructor(context: CheckContext) {
    this.#ledger = ledgerOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#ledger.observe(event)
    for (const effect of this.#ledger.fresh) {
      if (effect.type === 'granted') this.evaluations += 1
      if (effect.type !== 'grant-void') continue
      const { election, session, index } = effect
      const holder = this.#ledger.elections.get(election)?.holder
      ensure(false, () => {
        const why =
          holder == null ? `${session} does not wait` : `${holder.session} holds it with ${holder.token}`
        return `entry ${index} grants '${election}' to ${session}, but ${why}; known at ${event.at}`
      })
    }
  }
}
