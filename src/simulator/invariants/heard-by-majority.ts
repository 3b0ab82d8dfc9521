/** As `supported-by-majority`, where there is no log: seen at the peers' cores, which hear every session. */
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { Campaigns, whoIs } from './models/campaigns.ts'
import { engineEvents, engineGrantsOf, type EngineGrants } from './models/engine-grants.ts'
import { engineHearingOf, type EngineHearing } from './models/engine-hearing.ts'
import { isMajority } from './models/majority.ts'

export const heardByMajority: Invariant = {
  name: 'heard-by-majority',
  claim: 'Who finds itself valid was heard by a majority with what it sent within its lease (S6, S7, A3).',
  types: [...engineEvents, 'campaign', 'elected', 'checked'],
  check: (context) => new HeardByMajority(context),
}

class HeardByMajority implements Checker {
  evaluations = 0
  readonly #voters: readonly string[]
  readonly #leaseMs: number
  readonly #grants: EngineGrants
  readonly #hearing: EngineHearing
  readonly #campaigns = new Campaigns()
  readonly #tokens = new Map<number, bigint>()

  constructor(context: CheckContext) {
    this.#voters = context.voters
    this.#leaseMs = context.timing.leaseMs
    this.#grants = engineGrantsOf(context)
    this.#hearing = engineHearingOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#grants.observe(event)
    this.#hearing.observe(event)
    if (event.type === 'campaign') this.#campaigns.begins(event)
    if (event.type === 'elected') this.#tokens.set(event.attempt, event.token)
    if ((event.type === 'elected' || event.type === 'checked') && event.valid) this.#valid(event)
  }

  #valid({ attempt, at }: Extract<HistoryEvent, { type: 'elected' | 'checked' }>): void {
    const campaign = this.#campaigns.of(attempt)
    const token = this.#tokens.get(attempt)
    const grant = token === undefined ? undefined : this.#grants.won(campaign.election, token)
    // A token from nowhere is another checker's business.
    if (grant === undefined) return
    this.evaluations += 1
    const since = at - this.#leaseMs
    const heard = (voter: string): number => this.#hearing.heardFrom(grant.session, voter) ?? -Infinity
    const supporters = this.#voters.filter((voter) => heard(voter) >= since)
    ensure(isMajority(supporters.length, this.#voters.length), () => {
      const ages = this.#voters.map((voter) => `${voter} ${heard(voter)}`).join(', ')
      const claim = `${whoIs(campaign)} says at ${at} that it leads '${campaign.election}' with ${token}`
      return `${claim}; the newest that peers heard of ${grant.session} was sent at: ${ages} (lease ${this.#leaseMs} ms)`
    })
  }
}
