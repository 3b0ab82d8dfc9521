/**
 * Where there is no log: who is told that it won was accepted, or voted for, by a majority, under that token, in that mode
 * and under its own id; and what a session won is told to one process only (S7, S13).
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { Campaigns, whoIs, type Campaign } from './models/campaigns.ts'
import { engineEvents, engineGrantsOf, type EngineGrants } from './models/engine-grants.ts'

export const wonByMajority: Invariant = {
  name: 'won-by-majority',
  claim:
    'A majority of the peers gave every leadership its token, to a session of its candidate in its process (S7, S13, DESIGN §4.3).',
  types: [...engineEvents, 'campaign', 'elected'],
  check: (context) => new WonByMajority(context),
}

class WonByMajority implements Checker {
  evaluations = 0
  readonly #voters: number
  readonly #grants: EngineGrants
  readonly #campaigns = new Campaigns()
  /** By session, who was told first of something that it won. */
  readonly #owners = new Map<string, Campaign>()

  constructor(context: CheckContext) {
    this.#voters = context.voters.length
    this.#grants = engineGrantsOf(context)
  }

  observe(event: HistoryEvent): void {
    if (event.type === 'campaign') this.#campaigns.begins(event)
    else if (event.type === 'elected') this.#elected(event)
    else this.#grants.observe(event)
  }

  #elected({ attempt, token, at }: Extract<HistoryEvent, { type: 'elected' }>): void {
    this.evaluations += 1
    const campaign = this.#campaigns.of(attempt)
    const { election, candidate, exclusivity, process, run } = campaign
    const about = `${whoIs(campaign)} is elected in '${election}' with ${token} at ${at}`
    const asked = this.#grants.of(election, token)
    const won = this.#grants.won(election, token)
    ensure(won !== undefined, () => {
      const had = asked.map(({ session, by }) => `${session} by ${[...by].join(', ') || 'nobody'}`).join('; ')
      return `${about}; of ${this.#voters} peers it has that: ${had || 'from none'}`
    })
    ensure(won.id === candidate && won.exclusivity === exclusivity, () => {
      return `${about} in mode '${exclusivity}'; a majority gave that to ${won.id} in mode '${won.exclusivity}'`
    })
    const owner = this.#owners.get(won.session) ?? campaign
    this.#owners.set(won.session, owner)
    ensure(owner.process === process && owner.run === run, () => {
      return `${about}; ${won.session} is the session of ${whoIs(owner)}`
    })
  }
}
