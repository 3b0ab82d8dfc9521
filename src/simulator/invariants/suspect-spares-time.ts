import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { commitEvents } from './models/committed-log.ts'
import { ledgerOf, type Ledger } from './models/ledger.ts'

export const suspectSparesTime: Invariant = {
  name: 'suspect-spares-time',
  claim:
    'Evidence of death frees no election in time mode: nobody is granted it while the suspect holds it (A6).',
  types: commitEvents,
  check: (context) => new SuspectSparesTime(context),
}

class SuspectSparesTime implements Checker {
  evaluations = 0
  readonly #ledger: Ledger
  /** Grants in time mode whose session was suspected: by election, the token. */
  readonly #suspected = new Map<string, bigint>()

  constructor(context: CheckContext) {
    this.#ledger = ledgerOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#ledger.observe(event)
    for (const effect of this.#ledger.fresh) {
      switch (effect.type) {
        case 'suspected':
          for (const { election, exclusivity, token } of this.#ledger.heldBy(effect.session.key)) {
            if (exclusivity !== 'time') continue
            this.evaluations += 1
            this.#suspected.set(election, token)
          }
          break
        case 'freed':
          this.#suspected.delete(effect.grant.election)
          break
        case 'grant-void': {
          const token = this.#suspected.get(effect.election)
          ensure(token === undefined, () => {
            const next = `entry ${effect.index} grants it to ${effect.session}`
            return `'${effect.election}' is in time mode and held with ${token} by a suspect, and ${next}, known at ${event.at}`
          })
          break
        }
        default:
      }
    }
  }
}
