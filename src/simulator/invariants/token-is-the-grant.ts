import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { Campaigns, whoIs } from './models/campaigns.ts'
import { commitEvents } from './models/committed-log.ts'
import { ledgerOf, type Ledger } from './models/ledger.ts'

export const tokenIsTheGrant: Invariant = {
  name: 'token-is-the-grant',
  claim:
    'Every leadership comes from a committed grant to its candidate in this election and mode, and its token is the ' +
    'index of that entry (DESIGN §4.2).',
  types: [...commitEvents, 'campaign', 'elected'],
  check: (context) => new TokenIsTheGrant(context),
}

class TokenIsTheGrant implements Checker {
  evaluations = 0
  readonly #ledger: Ledger
  readonly #campaigns = new Campaigns()

  constructor(context: CheckContext) {
    this.#ledger = ledgerOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#ledger.observe(event)
    if (event.type === 'campaign') this.#campaigns.begins(event)
    if (event.type !== 'elected') return
    this.evaluations += 1
    const campaign = this.#campaigns.of(event.attempt)
    const { election, candidate, exclusivity } = campaign
    const grant = this.#ledger.grant(election, event.token)
    const about = `${whoIs(campaign)} is elected in '${election}' with ${event.token} at ${event.at}`
    ensure(grant !== undefined, () => `${about}; no entry that is known to be committed granted that`)
    ensure(grant.id === candidate, () => `${about}; that was granted to ${grant.id}`)
    ensure(grant.exclusivity === exclusivity, () => {
      return `${about} and exclusivity '${exclusivity}'; the election has '${grant.exclusivity}'`
    })
  }
}
