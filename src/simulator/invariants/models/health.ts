/**
 * Since when the core is whole: every promise about time counts from the last thing that was done to it. What is done to
 * the rest, which stays broken, does not matter; that is the point.
 *
 * The Raft leader may be one of the rest, if it is heard by a majority: then whoever of the core it cannot reach is out of
 * luck, as in every Raft, and only who leads is certain (`core-is-led`). Engines without a log have no such leader: a core
 * that is whole needs nobody.
 */
import type { HistoryEvent } from '../../history.ts'
import type { Protocol } from '../../sweep/level.ts'
import { Model, shared } from './shared.ts'

export class Health extends Model {
  /** True time; null before the heal. */
  since: number | null = null
  core: ReadonlySet<string> = new Set()
  /** Of the highest term. */
  #leader: { readonly process: string; readonly term: number } | null = null
  /** Processes that run, by the run. */
  readonly #running = new Map<string, number>()
  readonly #hasLeader: boolean

  constructor(protocol: Protocol) {
    super()
    this.#hasLeader = protocol === 'raft'
  }

  isRunning(process: string, run: number): boolean {
    return this.#running.get(process) === run
  }

  /** Whether this run is alive and whole. */
  isWell(process: string, run: number): boolean {
    return this.core.has(process) && this.isRunning(process, run)
  }

  /** Whoever decides can be reached by the whole core: the Raft leader, or a majority. */
  get isLedFromWithin(): boolean {
    if (!this.#hasLeader) return true
    return this.#leader !== null && this.core.has(this.#leader.process)
  }

  protected override take(event: HistoryEvent): void {
    switch (event.type) {
      case 'healed':
        this.core = new Set(event.core)
        this.since = event.at
        return
      case 'led':
        if (event.term > (this.#leader?.term ?? 0)) this.#leader = event
        return
      case 'started':
        this.#running.set(event.process, event.run)
        break
      case 'crashed':
      case 'stopped':
        this.#running.delete(event.process)
        break
      case 'fault':
        break
      default:
        return
    }
    if (this.since !== null && this.core.has(event.process)) this.since = event.at
  }
}

/** Show it these events. */
export const healthEvents = ['healed', 'started', 'crashed', 'stopped', 'fault', 'led'] as const

export const healthOf = shared(({ protocol = 'raft' }) => new Health(protocol))
