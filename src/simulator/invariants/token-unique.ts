import type { HistoryEvent } from '../history.ts'
import { ensure, type Checker, type Invariant } from './invariant.ts'
import { Campaigns, whoIs, type Campaign } from './models/campaigns.ts'

export const tokenUnique: Invariant = {
  name: 'token-unique',
  claim: 'No token of an election is given to two leaderships, whatever restarts in between (S1, S13).',
  types: ['campaign', 'elected'],
  check: () => new TokenUnique(),
}

class TokenUnique implements Checker {
  evaluations = 0
  readonly #campaigns = new Campaigns()
  /** By election. */
  readonly #owners = new Map<string, Map<bigint, Campaign>>()

  observe(event: HistoryEvent): void {
    if (event.type === 'campaign') this.#campaigns.begins(event)
    if (event.type !== 'elected') return
    this.evaluations += 1
    const { token, attempt, at } = event
    const campaign = this.#campaigns.of(attempt)
    let owners = this.#owners.get(campaign.election)
    if (owners === undefined) this.#owners.set(campaign.election, (owners = new Map()))
    const owner = owners.get(token)
    ensure(owner === undefined, () => {
      const first = owner === undefined ? '' : whoIs(owner)
      return `token ${token} of '${campaign.election}' was ${first}'s, and at ${at} is ${whoIs(campaign)}'s`
    })
    owners.set(token, campaign)
  }
}
