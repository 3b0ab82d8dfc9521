/**
 * A core that is whole keeps its leaders, whatever stays broken around it: nobody who leads there loses its lease, or is
 * overtaken, from when the core has had its time to settle.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { Campaigns, whoIs } from './models/campaigns.ts'
import { healthEvents, healthOf, type Health } from './models/health.ts'

export const leadersStay: Invariant = {
  name: 'leaders-stay',
  claim: 'Who leads in a core that is whole leads until it gives that up (L4, L5).',
  types: [...healthEvents, 'campaign', 'elected', 'lost'],
  check: (context) => new LeadersStay(context),
}

class LeadersStay implements Checker {
  evaluations = 0
  readonly #settlesMs: number
  readonly #health: Health
  readonly #campaigns = new Campaigns()

  constructor(context: CheckContext) {
    const { leaseMs, electionTimeoutMs } = context.timing
    this.#settlesMs = leaseMs + 10 * electionTimeoutMs[1]
    this.#health = healthOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#health.observe(event)
    if (event.type === 'campaign') this.#campaigns.begins(event)
    if (event.type !== 'lost') return
    const { attempt, reason, at } = event
    const { since } = this.#health
    const campaign = this.#campaigns.of(attempt)
    if (since === null || at - since < this.#settlesMs) return
    if (!this.#health.isWell(campaign.process, campaign.run)) return
    this.evaluations += 1
    ensure(reason !== 'expired' && reason !== 'superseded', () => {
      return `${whoIs(campaign)} loses '${campaign.election}' at ${at}: ${reason}; the core is whole since ${since}`
    })
  }
}
