/**
 * Liveness of Raft (L3, L4, L5): once a majority and the ways between its members are whole, whatever stays broken around
 * it, it elects a leader within a few election timeouts, and then keeps it.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { healthEvents, healthOf, type Health } from './models/health.ts'

export const coreIsLed: Invariant = {
  name: 'core-is-led',
  claim:
    'A core that is whole has a Raft leader within ten election timeouts, and no other from then on (L3, L4, L5).',
  types: [...healthEvents, 'sent', 'ended'],
  messages: ['heartbeat'],
  check: (context) => new CoreIsLed(context),
}

/** Split votes and a peer that reads its log: five would do nearly always (L3); this is for the worst of a million seeds. */
const timeouts = 10

class CoreIsLed implements Checker {
  evaluations = 0
  readonly #settlesMs: number
  readonly #patienceMs: number
  readonly #health: Health
  #leader: { readonly process: string; readonly term: number; readonly at: number } | null = null
  /** When the leader was last heard to lead. */
  #beatAt = Number.NEGATIVE_INFINITY

  constructor(context: CheckContext) {
    const longest = context.timing.electionTimeoutMs[1]
    this.#settlesMs = timeouts * longest
    this.#patienceMs = longest
    this.#health = healthOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#health.observe(event)
    if (event.type === 'sent') {
      if (event.message.kind !== 'raft' || event.process !== this.#leader?.process) return
      const { message } = event.message
      if (message.type === 'heartbeat' && message.term === this.#leader.term) this.#beatAt = event.at
    }
    if (event.type === 'led') {
      const { process, term, at } = event
      const { since } = this.#health
      ensure(since === null || at - since <= this.#settlesMs, () => {
        const change = `${process} leads term ${term} at ${at}, after ${this.#leader?.process ?? 'nobody'}`
        return `${change}; the core (${this.#core()}) was whole since ${since}`
      })
      if (term > (this.#leader?.term ?? 0)) {
        this.#leader = { process, term, at }
        this.#beatAt = at
      }
    }
    if (event.type === 'ended') this.#ended(event.at)
  }

  #ended(at: number): void {
    const { since } = this.#health
    if (since === null || at - since <= this.#settlesMs) return
    this.evaluations += 1
    ensure(at - this.#beatAt <= this.#patienceMs, () => {
      const last =
        this.#leader === null ? 'nobody ever led' : `${this.#leader.process} led last, at ${this.#beatAt}`
      return `the core (${this.#core()}) is whole since ${since} and has no leader at ${at}; ${last}`
    })
  }

  #core(): string {
    return [...this.#health.core].join(', ')
  }
}
