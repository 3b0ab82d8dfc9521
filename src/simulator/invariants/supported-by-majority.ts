/**
 * No lead without a quorum (S7), and no longer than the lease counted from before sending (S6, A3): whenever a
 * leadership says that it is valid, a majority of the voters has heard a keepalive of its session that was sent no longer
 * ago than the lease, in true time. A process cut off from the majority therefore stops within its lease.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { Campaigns, whoIs } from './models/campaigns.ts'
import { commitEvents } from './models/committed-log.ts'
import { hearingEvents, hearingMessages, hearingOf, type Hearing } from './models/hearing.ts'
import { ledgerOf, type Ledger } from './models/ledger.ts'
import { isMajority } from './models/majority.ts'

export const supportedByMajority: Invariant = {
  name: 'supported-by-majority',
  claim: 'Who finds itself valid was heard by a majority with what it sent within its lease (S6, S7, A3).',
  types: [...commitEvents, ...hearingEvents, 'campaign', 'elected', 'checked'],
  messages: hearingMessages,
  check: (context) => new SupportedByMajority(context),
}

class SupportedByMajority implements Checker {
  evaluations = 0
  readonly #voters: readonly string[]
  readonly #ledger: Ledger
  readonly #hearing: Hearing
  readonly #campaigns = new Campaigns()
  readonly #tokens = new Map<number, bigint>()

  constructor(context: CheckContext) {
    this.#voters = context.voters
    this.#ledger = ledgerOf(context)
    this.#hearing = hearingOf(context)
  }

  observe(event: HistoryEvent): void {
    if (event.type === 'sent' || event.type === 'received') return this.#hearing.observe(event)
    this.#ledger.observe(event)
    if (event.type === 'campaign') this.#campaigns.begins(event)
    if (event.type === 'elected') this.#tokens.set(event.attempt, event.token)
    if ((event.type === 'elected' || event.type === 'checked') && event.valid) this.#valid(event)
  }

  #valid({ attempt, at }: Extract<HistoryEvent, { type: 'elected' | 'checked' }>): void {
    const campaign = this.#campaigns.of(attempt)
    const token = this.#tokens.get(attempt)
    const grant = token === undefined ? undefined : this.#ledger.grant(campaign.election, token)
    const session = grant === undefined ? undefined : this.#ledger.known.get(grant.session)
    // One voter hears its own sessions without any message; and a token from nowhere is another checker's business.
    if (session === undefined || this.#voters.length === 1) return
    this.evaluations += 1
    const since = at - session.leaseMs
    const heard = (voter: string): number => this.#hearing.heardFrom(session.key, voter) ?? -Infinity
    const supporters = this.#voters.filter((voter) => heard(voter) >= since)
    ensure(isMajority(supporters.length, this.#voters.length), () => {
      const ages = this.#voters.map((voter) => `${voter} ${heard(voter)}`).join(', ')
      const claim = `${whoIs(campaign)} says at ${at} that it leads '${campaign.election}' with ${token}`
      return `${claim}; the newest that voters heard of ${session.key} was sent at: ${ages} (lease ${session.leaseMs} ms)`
    })
  }
}
