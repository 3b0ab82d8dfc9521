/**
 * As `observers-agree`, where there is no log: in a core that is whole an observer knows who has led for long, by token, and
 * that there is nobody once nobody has stood for long.
 */
import type { ObservedState } from '../../cluster/messages.ts'
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant, type LiveLeadership } from './invariant.ts'
import { Campaigns } from './models/campaigns.ts'
import { healthEvents, healthOf, type Health } from './models/health.ts'

export const observersKnow: Invariant = {
  name: 'observers-know',
  claim: 'In a core that is whole every observer knows the leader and its token, or that there is none (L6).',
  types: [...healthEvents, 'campaign', 'elected', 'not-elected', 'lost', 'observed', 'unobserved', 'ended'],
  check: (context) => new ObserversKnow(context),
}

interface Observer {
  readonly process: string
  readonly run: number
  readonly election: string
  state: ObservedState
}

class ObserversKnow implements Checker {
  evaluations = 0
  readonly #context: CheckContext
  readonly #settlesMs: number
  readonly #health: Health
  readonly #campaigns = new Campaigns()
  readonly #observers = new Map<number, Observer>()
  /** By election, when somebody stood, won, gave up or died last. */
  readonly #changedAt = new Map<string, number>()
  #anyDiedAt = 0
  /** Attempts that are neither won nor over. */
  readonly #waiting = new Map<number, { readonly election: string; readonly process: string }>()

  constructor(context: CheckContext) {
    this.#context = context
    const { leaseMs, electionTimeoutMs } = context.timing
    this.#settlesMs = leaseMs + 10 * electionTimeoutMs[1]
    this.#health = healthOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#health.observe(event)
    switch (event.type) {
      case 'campaign': {
        this.#campaigns.begins(event)
        this.#waiting.set(event.attempt, event)
        this.#changedAt.set(event.election, event.at)
        return
      }
      case 'elected':
      case 'not-elected':
      case 'lost':
        this.#waiting.delete(event.attempt)
        this.#changedAt.set(this.#campaigns.of(event.attempt).election, event.at)
        return
      case 'crashed':
      case 'stopped':
        this.#anyDiedAt = event.at
        for (const [attempt, { process }] of this.#waiting)
          if (process === event.process) this.#waiting.delete(attempt)
        return
      case 'observed': {
        const { observer, process, run, election, state } = event
        this.#observers.set(observer, { process, run, election, state })
        return
      }
      case 'unobserved':
        this.#observers.delete(event.observer)
        return
      case 'ended':
        for (const [number, observer] of this.#observers) this.#judge(number, observer, event.at)
        return
      default:
    }
  }

  #judge(number: number, { process, run, election, state }: Observer, at: number): void {
    const { since } = this.#health
    if (since === null || !this.#health.isWell(process, run)) return
    const from = Math.max(since, this.#anyDiedAt, this.#changedAt.get(election) ?? 0)
    if (at - from < this.#settlesMs) return
    const leaders = [...this.#context.leaderships()].filter((one) => one.election === election)
    const [leader] = leaders
    // Who waits may have won without having been told; and in token mode an older one may believe for a while.
    if (leaders.length > 1 || (leader === undefined && this.#isAwaited(election))) return
    if (leader !== undefined && !leader.isValid()) return
    this.evaluations += 1
    ensure(knows(state, leader), () => {
      const truth = leader === undefined ? 'vacant' : `led by ${leader.candidate} with ${leader.token}`
      const belief = state.is === 'led' ? `led by ${state.id} with ${state.token}` : state.is
      return `'${election}' is ${truth} since ${from}, and observer ${number} at ${process} (run ${run}) believes at ${at}: ${belief}`
    })
  }

  #isAwaited(election: string): boolean {
    return [...this.#waiting.values()].some((one) => one.election === election)
  }
}

function knows(state: ObservedState, leader: LiveLeadership | undefined): boolean {
  if (leader === undefined) return state.is === 'vacant'
  return state.is === 'led' && state.token === leader.token && state.id === leader.candidate
}
