import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { Campaigns, type Campaign } from './models/campaigns.ts'
import { healthEvents, healthOf, type Health } from './models/health.ts'

export const handoverIsQuick: Invariant = {
  name: 'handover-is-quick',
  claim: 'Who resigns in a core that is whole is followed at once, never after the lease (L2).',
  types: [...healthEvents, 'campaign', 'elected', 'not-elected', 'resigned'],
  check: (context) => new HandoverIsQuick(context),
}

/**
 * Without a log whoever waits stands for itself, and two who do at once try again: so many round trips fit a lease, or
 * nothing is asked of it there.
 */
const roundTrips = 6

class HandoverIsQuick implements Checker {
  evaluations = 0
  readonly #leaseMs: number
  readonly #isSlow: boolean
  readonly #settlesMs: number
  readonly #health: Health
  readonly #campaigns = new Campaigns()
  /** By election. */
  readonly #waiting = new Map<string, Map<number, Campaign>>()
  /** By election, the attempt that was elected last. */
  readonly #newest = new Map<string, number>()
  /** By election: who resigned, and nobody followed yet. */
  readonly #resigned = new Map<
    string,
    { readonly by: Campaign; readonly at: number; readonly heirs: string }
  >()

  constructor(context: CheckContext) {
    const { leaseMs, electionTimeoutMs } = context.timing
    this.#leaseMs = leaseMs
    this.#isSlow = context.protocol !== 'raft' && roundTrips * (context.roundTripMs ?? 0) > leaseMs
    this.#settlesMs = leaseMs + 10 * electionTimeoutMs[1]
    this.#health = healthOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#health.observe(event)
    switch (event.type) {
      case 'campaign': {
        const campaign = this.#campaigns.begins(event)
        this.#of(campaign.election).set(event.attempt, campaign)
        return
      }
      case 'not-elected':
        this.#of(this.#campaigns.of(event.attempt).election).delete(event.attempt)
        return
      case 'resigned':
        return this.#resignedAt(event.attempt, event.at)
      case 'elected':
        return this.#elected(event.attempt, event.at)
      case 'crashed':
      case 'stopped':
      case 'fault':
        this.#resigned.clear()
        for (const waiting of this.#waiting.values()) {
          if (event.type === 'fault') continue
          for (const [attempt, { process }] of waiting) if (process === event.process) waiting.delete(attempt)
        }
        return
      default:
    }
  }

  /** Counted only where all who wait are of the core and have waited for long: whoever is next is well and connected. */
  #resignedAt(attempt: number, at: number): void {
    const by = this.#campaigns.of(attempt)
    const { since } = this.#health
    if (this.#isSlow || since === null || at - since < this.#settlesMs || !this.#health.isLedFromWithin)
      return
    // The next one may hear of its win before who resigned hears of the answer.
    if (this.#newest.get(by.election) !== attempt) return
    const waiting = [...this.#of(by.election).values()]
    const isSure = waiting.every(
      (one) => this.#health.isWell(one.process, one.run) && at - one.since > this.#leaseMs,
    )
    if (waiting.length === 0 || !isSure) return
    this.#resigned.set(by.election, { by, at, heirs: waiting.map(({ candidate }) => candidate).join(', ') })
  }

  #elected(attempt: number, at: number): void {
    const { election } = this.#campaigns.of(attempt)
    this.#of(election).delete(attempt)
    this.#newest.set(election, attempt)
    const resigned = this.#resigned.get(election)
    if (resigned === undefined) return
    this.#resigned.delete(election)
    this.evaluations += 1
    ensure(at - resigned.at < this.#leaseMs, () => {
      const { by, at: from, heirs } = resigned
      return `${by.candidate} resigned '${election}' at ${from}, ${heirs} waited; the next leads only at ${at}`
    })
  }

  #of(election: string): Map<number, Campaign> {
    let waiting = this.#waiting.get(election)
    if (waiting === undefined) this.#waiting.set(election, (waiting = new Map()))
    return waiting
  }
}
