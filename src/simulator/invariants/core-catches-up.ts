/**
 * Nobody is left behind: in a core that is whole and leads itself, every peer knows of every commit soon. A peer that alone
 * reached a higher term, or whose log ended otherwise, is of no use to anybody before it follows again (etcd#9333).
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { commitEvents, committedLogOf, type CommittedLog } from './models/committed-log.ts'
import { healthEvents, healthOf, type Health } from './models/health.ts'

export const coreCatchesUp: Invariant = {
  name: 'core-catches-up',
  claim: 'In a core that is whole and leads itself every peer learns what is committed (L5, Raft §5.3).',
  types: [...commitEvents, ...healthEvents, 'ended'],
  check: (context) => new CoreCatchesUp(context),
}

/** A dial into the dark that is given up, and the longest pause of a link before the next. */
const connectsMs = 3_500

class CoreCatchesUp implements Checker {
  evaluations = 0
  readonly #settlesMs: number
  readonly #newsMs: number
  readonly #voters: readonly string[]
  readonly #log: CommittedLog
  readonly #health: Health
  /** The last that each peer learned in its present run. */
  readonly #known = new Map<string, { readonly run: number; readonly index: number }>()
  /** How long the log was: the newest that is older than news may be, and all since. */
  #lengths: { readonly at: number; readonly index: number }[] = []

  constructor(context: CheckContext) {
    const { leaseMs, electionTimeoutMs, heartbeatMs } = context.timing
    this.#settlesMs = 10 * electionTimeoutMs[1] + leaseMs + connectsMs
    this.#newsMs = 2 * electionTimeoutMs[1] + 10 * heartbeatMs
    this.#voters = context.voters
    this.#log = committedLogOf(context)
    this.#health = healthOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#log.observe(event)
    this.#health.observe(event)
    if (event.type === 'started' && this.#voters.includes(event.process)) {
      this.#known.set(event.process, { run: event.run, index: 0 })
    }
    if (event.type === 'committed') {
      const index = event.entries.at(-1)?.index ?? 0
      this.#known.set(event.process, { run: event.run, index })
      if (this.#log.fresh.length > 0) this.#grew(event.at)
    }
    if (event.type === 'ended') this.#ended(event.at)
  }

  #grew(at: number): void {
    this.#lengths.push({ at, index: this.#log.entries.length })
    const old = this.#lengths.findLastIndex((one) => one.at <= at - this.#newsMs)
    if (old > 0) this.#lengths = this.#lengths.slice(old)
  }

  #ended(at: number): void {
    const { since, core, isLedFromWithin } = this.#health
    if (since === null || !isLedFromWithin || at - since < this.#settlesMs) return
    const due = this.#lengths.findLast((one) => one.at <= at - this.#newsMs)?.index ?? 0
    for (const [peer, { run, index }] of this.#known) {
      if (!core.has(peer) || !this.#health.isRunning(peer, run)) continue
      this.evaluations += 1
      ensure(index >= due, () => {
        return `${peer} (run ${run}) knows of commits up to ${index} at ${at}, others of ${due} for ${this.#newsMs} ms; whole since ${since}`
      })
    }
  }
}
