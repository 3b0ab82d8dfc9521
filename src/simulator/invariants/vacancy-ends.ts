/**
 * Nobody waits in vain (L1, L9): while somebody of the core waits for an election, it is led again a lease and two election
 * timeouts after it was last, and a grace for what a new session costs, one round trip each. Counted from when the first of
 * them began to wait; no earlier than the core had its time to elect (`core-is-led`) and everybody in it to connect again,
 * be it from a dial into the dark that is given up only after its handshake's time.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { Campaigns, type Campaign } from './models/campaigns.ts'
import { healthEvents, healthOf, type Health } from './models/health.ts'

export const vacancyEnds: Invariant = {
  name: 'vacancy-ends',
  claim:
    'An election for which the core waits is led within a lease, two election timeouts and a grace (L1, L9).',
  types: [...healthEvents, 'campaign', 'elected', 'not-elected', 'lost', 'ended'],
  check: (context) => new VacancyEnds(context),
}

/** As in `cluster/tcp-dial.ts`, and in the simulated network. */
const handshakeMs = 2_000

/** Peers and clients that found nobody for long try again after so long at most: a second, and half of it as jitter. */
const redialMs = 1_500

interface Race {
  readonly waiting: Map<number, Campaign>
  readonly leading: Map<number, Campaign>
  /** Since nobody leads and somebody of the core waits. */
  vacantSince: number | null
}

class VacancyEnds implements Checker {
  evaluations = 0
  readonly #patienceMs: number
  readonly #settlesMs: number
  readonly #health: Health
  readonly #campaigns = new Campaigns()
  readonly #races = new Map<string, Race>()

  constructor(context: CheckContext) {
    const { leaseMs, electionTimeoutMs, heartbeatMs } = context.timing
    const graceMs = 10 * heartbeatMs + electionTimeoutMs[1]
    this.#patienceMs = leaseMs + 2 * electionTimeoutMs[1] + graceMs
    this.#settlesMs = 10 * electionTimeoutMs[1] + handshakeMs + redialMs
    this.#health = healthOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#health.observe(event)
    switch (event.type) {
      case 'campaign': {
        const campaign = this.#campaigns.begins(event)
        const race = this.#race(campaign.election)
        race.waiting.set(event.attempt, campaign)
        return this.#look(race, event.at)
      }
      case 'not-elected': {
        const race = this.#race(this.#campaigns.of(event.attempt).election)
        race.waiting.delete(event.attempt)
        return this.#look(race, event.at)
      }
      case 'elected': {
        const campaign = this.#campaigns.of(event.attempt)
        const race = this.#race(campaign.election)
        this.#judge(campaign.election, race, event.at)
        race.waiting.delete(event.attempt)
        race.leading.set(event.attempt, campaign)
        return this.#look(race, event.at)
      }
      case 'lost': {
        const race = this.#race(this.#campaigns.of(event.attempt).election)
        race.leading.delete(event.attempt)
        return this.#look(race, event.at)
      }
      case 'crashed':
      case 'stopped':
        for (const race of this.#races.values()) {
          for (const group of [race.waiting, race.leading]) {
            for (const [attempt, { process }] of group) if (process === event.process) group.delete(attempt)
          }
          this.#look(race, event.at)
        }
        return
      case 'healed':
        for (const race of this.#races.values()) this.#look(race, event.at)
        return
      case 'ended':
        for (const [election, race] of this.#races) this.#judge(election, race, event.at)
        return
      default:
    }
  }

  #judge(election: string, { vacantSince, waiting }: Race, at: number): void {
    const { since } = this.#health
    if (vacantSince === null || since === null || !this.#health.isLedFromWithin) return
    const from = Math.max(vacantSince, since + this.#settlesMs)
    if (at > from) this.evaluations += 1
    ensure(at - from <= this.#patienceMs, () => {
      const who = [...waiting.values()]
        .map(({ candidate, process }) => `${candidate} in ${process}`)
        .join(', ')
      return `'${election}' is vacant from ${vacantSince} to ${at}, although ${who} wait for it; the core is whole since ${since}`
    })
  }

  #look(race: Race, at: number): void {
    const isVacant = race.leading.size === 0 && this.#isAwaited(race)
    if (!isVacant) race.vacantSince = null
    else race.vacantSince ??= at
  }

  #isAwaited({ waiting }: Race): boolean {
    for (const { process, run } of waiting.values()) if (this.#health.isWell(process, run)) return true
    return false
  }

  #race(election: string): Race {
    let race = this.#races.get(election)
    if (race === undefined) {
      race = { waiting: new Map(), leading: new Map(), vacantSince: null }
      this.#races.set(election, race)
    }
    return race
  }
}
