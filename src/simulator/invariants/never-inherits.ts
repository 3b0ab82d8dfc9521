/**
 * One id, two processes, or two lives of one (S13): what one life won belongs to its session, and no other life is
 * told of it, so the next always gets a token of its own. A session that a newer one superseded wins nothing any more.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { Campaigns, whoIs, type Campaign } from './models/campaigns.ts'
import { commitEvents } from './models/committed-log.ts'
import { ledgerOf, type Ledger } from './models/ledger.ts'

export const neverInherits: Invariant = {
  name: 'never-inherits',
  claim:
    'A process that takes an id over never gets what the id held, and the one before it never wins again (S13).',
  types: [...commitEvents, 'campaign', 'elected'],
  check: (context) => new NeverInherits(context),
}

class NeverInherits implements Checker {
  evaluations = 0
  readonly #ledger: Ledger
  readonly #campaigns = new Campaigns()
  /** By session, who was told first of something that it won. */
  readonly #owners = new Map<string, Campaign>()
  /** By candidate id, the session that won last. */
  readonly #last = new Map<string, string>()
  readonly #superseded = new Set<string>()

  constructor(context: CheckContext) {
    this.#ledger = ledgerOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#ledger.observe(event)
    for (const effect of this.#ledger.fresh) {
      if (effect.type === 'superseded') {
        this.evaluations += 1
        this.#superseded.add(effect.session.key)
      }
      if (effect.type === 'grant-void') {
        ensure(!this.#superseded.has(effect.session), () => {
          const grant = `entry ${effect.index} grants '${effect.election}' to ${effect.session}`
          return `${grant}, known at ${event.at}; a newer session of its id had superseded it`
        })
      }
    }
    if (event.type === 'campaign') this.#campaigns.begins(event)
    if (event.type === 'elected') this.#elected(event)
  }

  #elected({ attempt, token, at }: Extract<HistoryEvent, { type: 'elected' }>): void {
    const campaign = this.#campaigns.of(attempt)
    const session = this.#ledger.grant(campaign.election, token)?.session
    if (session === undefined) return
    const last = this.#last.get(campaign.candidate)
    if (last !== undefined && last !== session) this.evaluations += 1
    this.#last.set(campaign.candidate, session)
    const owner = this.#owners.get(session)
    if (owner === undefined) this.#owners.set(session, campaign)
    ensure(owner === undefined || (owner.process === campaign.process && owner.run === campaign.run), () => {
      const won = `${whoIs(campaign)} is elected with ${token} at ${at}`
      return `${won}, a grant to ${session}, which is the session of ${owner === undefined ? '' : whoIs(owner)}`
    })
  }
}
