import type { ObservedState } from '../../cluster/messages.ts'
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { commitEvents } from './models/committed-log.ts'
import { healthEvents, healthOf, type Health } from './models/health.ts'
import { ledgerOf, type Ledger } from './models/ledger.ts'

export const observersAgree: Invariant = {
  name: 'observers-agree',
  claim:
    'In a core that is whole and leads itself every observer knows the leader and its token, or that there is none (L6).',
  types: [...commitEvents, ...healthEvents, 'observed', 'unobserved', 'ended'],
  check: (context) => new ObserversAgree(context),
}

interface Observer {
  readonly process: string
  readonly run: number
  readonly election: string
  state: ObservedState
}

class ObserversAgree implements Checker {
  evaluations = 0
  readonly #settlesMs: number
  readonly #ledger: Ledger
  readonly #health: Health
  readonly #observers = new Map<number, Observer>()
  /** When the log changed each election last. */
  readonly #changedAt = new Map<string, number>()

  constructor(context: CheckContext) {
    const { leaseMs, electionTimeoutMs } = context.timing
    this.#settlesMs = leaseMs + 10 * electionTimeoutMs[1]
    this.#ledger = ledgerOf(context)
    this.#health = healthOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#ledger.observe(event)
    this.#health.observe(event)
    for (const effect of this.#ledger.fresh) {
      if (effect.type === 'granted' || effect.type === 'freed') {
        this.#changedAt.set(effect.grant.election, event.at)
      }
    }
    if (event.type === 'observed') {
      const { observer, process, run, election, state } = event
      this.#observers.set(observer, { process, run, election, state })
    }
    if (event.type === 'unobserved') this.#observers.delete(event.observer)
    if (event.type === 'ended') {
      for (const [number, observer] of this.#observers) this.#judge(number, observer, event.at)
    }
  }

  #judge(number: number, { process, run, election, state }: Observer, at: number): void {
    const { since } = this.#health
    if (since === null || !this.#health.isLedFromWithin || !this.#health.isWell(process, run)) return
    // News need time: a heartbeat after the commit and a round trip (L6), or, after the heal, a sponsor.
    const newsMs = Math.max(0, at - (this.#changedAt.get(election) ?? 0))
    if (at - since < this.#settlesMs || newsMs < this.#settlesMs / 10) return
    this.evaluations += 1
    const holder = this.#ledger.elections.get(election)?.holder ?? null
    const isTrue =
      holder === null ? state.is === 'vacant' : state.is === 'led' && state.token === holder.token
    ensure(isTrue, () => {
      const truth = holder === null ? 'vacant' : `held by ${holder.id} with ${holder.token}`
      const belief = state.is === 'led' ? `led by ${state.id} with ${state.token}` : state.is
      const who = `observer ${number} at ${process} (run ${run})`
      return `'${election}' is ${truth} for ${newsMs} ms at ${at}; ${who} believes: ${belief}`
    })
  }
}
