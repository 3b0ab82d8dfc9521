import type { HistoryEvent } from '../history.ts'
import { ensure, type Checker, type Invariant } from './invariant.ts'
import { Campaigns, whoIs } from './models/campaigns.ts'

export const fencedEffects: Invariant = {
  name: 'fenced-effects',
  claim: 'A resource that checks tokens takes nothing with a token below one that it took before (S4).',
  types: ['campaign', 'wrote'],
  check: () => new FencedEffects(),
}

class FencedEffects implements Checker {
  evaluations = 0
  readonly #campaigns = new Campaigns()
  /** By election, as each has a resource of its own. */
  readonly #newest = new Map<string, bigint>()

  observe(event: HistoryEvent): void {
    if (event.type === 'campaign') this.#campaigns.begins(event)
    if (event.type !== 'wrote') return
    const { attempt, token, accepted, at } = event
    const campaign = this.#campaigns.of(attempt)
    const newest = this.#newest.get(campaign.election)
    if (newest !== undefined && token !== newest) this.evaluations += 1
    const isStale = newest !== undefined && token < newest
    const about = `${whoIs(campaign)} writes to '${campaign.election}' with ${token} at ${at}`
    ensure(!(isStale && accepted), () => `${about} and is accepted; ${newest} was before`)
    ensure(isStale || accepted, () => `${about} and is turned away; the newest before is ${newest ?? 'none'}`)
    if (!isStale) this.#newest.set(campaign.election, token)
  }
}
