/**
 * When a peer does what is due once a heartbeat: with the leader's heartbeat, the leader's own or the one that it hears, so
 * that everything for one peer leaves in one write; without a leader by a timer.
 */
import type { Clock } from '../seams/clock.ts'
import type { NamedTimers } from './timers.ts'

/**
 * The Raft leader beats this much faster than anybody's own timer, so that its heartbeat comes first and sets the beat
 * of all: keepalives, heartbeats, their answers and the driver's own duties then share wake-ups, turns and frames.
 */
export const leaderHaste = 15 / 16

interface BeatOptions {
  readonly clock: Clock
  readonly timers: NamedTimers
  readonly heartbeatMs: number
  /** Into a turn. */
  enqueue(task: () => void): void
}

interface BeatDuties {
  /** This peer is the Raft leader. */
  leads(): boolean
  /** It leads, and nobody is to be accused. */
  isQuiet(): boolean
  /** Between the heartbeats of a tuned leader; null: as configured. */
  everyMs(): number | null
  /** Their keepalives go with the heartbeat that is about to leave. */
  beatHolders(): void
  beats(now: number): void
}

export class Beat {
  readonly #options: BeatOptions
  readonly #duties: BeatDuties
  /** `lower()` of the last one. */
  #at: number

  constructor(options: BeatOptions, duties: BeatDuties) {
    this.#options = options
    this.#duties = duties
    this.#at = options.clock.lower()
  }

  /** Of a peer that does not lead: it comes with the leader's heartbeat, or by this timer. */
  arm(): void {
    const { timers, heartbeatMs, enqueue } = this.#options
    timers.setAccusation('beat', heartbeatMs, () => enqueue(() => this.#beat()))
  }

  /** The leader's heartbeat is due: keepalives go with it, and whoever seems silent is accused once all is read. */
  asLeader(): void {
    if (this.#isBetween) return
    if (this.#duties.isQuiet()) {
      this.#beat()
      return
    }
    this.#duties.beatHolders()
    const { timers, enqueue } = this.#options
    timers.setAfterPoll('beat', () => enqueue(() => this.#beat()))
  }

  withLeader(): void {
    // A new leader, or a link that is up again, brings heartbeats out of turn.
    if (this.#sinceMs >= this.#options.heartbeatMs / 2 && !this.#isBetween) this.#beat()
  }

  get #sinceMs(): number {
    return this.#options.clock.lower() - this.#at
  }

  /** Of a tuned leader's heartbeats one in several comes when the ordinary one would: the duties of a beat ride on that. */
  get #isBetween(): boolean {
    const everyMs = this.#duties.everyMs()
    return everyMs !== null && this.#sinceMs < this.#options.heartbeatMs * leaderHaste - everyMs / 2
  }

  #beat(): void {
    this.#at = this.#options.clock.lower()
    if (!this.#duties.leads()) this.arm()
    this.#duties.beats(this.#at)
  }
}
