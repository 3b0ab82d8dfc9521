/**
 * `tuning: 'adaptive'` of one peer: what it measures, and what follows for its Raft core. As leader it measures the links to
 * its followers and fixes the pulse; as follower it measures the pulse it hears; as either it knows how late it is itself.
 */
import { phiDetector, type PhiDetector } from '../protocols/detector/phi.ts'
import { LocalHealth } from '../protocols/detector/local-health.ts'
import { PulseTuner, type Pulse } from '../protocols/detector/pulse.ts'
import type { PeerId } from '../protocols/quorum/types.ts'
import type { RaftMessage } from '../protocols/raft/types.ts'

type Heartbeat = Extract<RaftMessage<never>, { type: 'heartbeat' }>

export interface TuningOptions {
  readonly followers: readonly PeerId[]
  readonly heartbeatMs: number
  /** Of a leader that is not tuned. */
  readonly beatMs: number
  readonly electionTimeoutMs: readonly [min: number, max: number]
}

export class Tuning {
  readonly #options: TuningOptions
  readonly #health: LocalHealth
  readonly #heard: PhiDetector
  #heardAt = -Infinity
  /** The term and the newest round that were heard. */
  #term = 0
  #heardRound = 0
  #intervalMs: number
  #tuner: PulseTuner | null = null

  constructor(options: TuningOptions) {
    const { heartbeatMs, beatMs, electionTimeoutMs } = options
    const [mostMs] = electionTimeoutMs
    this.#options = options
    this.#intervalMs = beatMs
    this.#health = new LocalHealth({ mostMs })
    // A tenth of a beat: less is the noise of the processes, not of the network.
    this.#heard = phiDetector({ leastMs: heartbeatMs, mostMs, minDeviationMs: beatMs / 10, windowSize: 50 })
  }

  /** No promise is believed below it, and none is made: the interval that the user called sound for a heartbeat. */
  get leastSilenceMs(): number {
    return this.#options.heartbeatMs
  }

  /** Between the heartbeats that this peer sends or hears. */
  get intervalMs(): number {
    return this.#intervalMs
  }

  /** A timer of this process came so late. */
  lagged(lateMs: number, now: number): void {
    this.#health.late(lateMs, now)
  }

  graceMs(lateMs: number): number {
    return this.#health.graceMs(lateMs)
  }

  /** Whoever leads is another one, in another term: nothing is known of it. */
  leaderChanged(leads: boolean): void {
    this.#forget()
    const { followers, beatMs, electionTimeoutMs } = this.#options
    this.#tuner = leads
      ? new PulseTuner({
          followers,
          beatMs,
          leastSilenceMs: this.leastSilenceMs,
          mostSilenceMs: electionTimeoutMs[0],
        })
      : null
  }

  // ---- leader -----------------------------------------------------------------------------------------------------

  sent(to: PeerId, message: RaftMessage<unknown>, now: number): void {
    if (message.type === 'heartbeat') this.#tuner?.sent(to, message.round, now)
  }

  /** An answer of this very term. */
  answered(from: PeerId, round: number, now: number): void {
    this.#tuner?.answered(from, round, now)
  }

  /** For the broadcast of `round`; null: this peer does not lead. */
  pulse(round: number, now: number): Pulse | null {
    if (this.#tuner === null) return null
    const pulse = this.#tuner.next(round, now, this.#health.marginMs(now))
    this.#intervalMs = pulse.intervalMs
    return pulse
  }

  // ---- follower ---------------------------------------------------------------------------------------------------

  /** A heartbeat of this peer's leader was read; returns how long a silence must be at least to be suspicious. */
  heard({ term, round, pulse }: Heartbeat, now: number): number {
    if (term !== this.#term) this.#forget()
    this.#term = term
    const intervalMs = pulse?.intervalMs ?? this.#options.beatMs
    if (intervalMs !== this.#intervalMs) this.#heard.reset()
    this.#intervalMs = intervalMs
    // One more in a round is out of turn.
    if (round > this.#heardRound) {
      // Frames that waited for this process came late by its own fault.
      if (this.#health.lateSince(this.#heardAt)) this.#heard.resumed(now)
      else this.#heard.heard(now)
      this.#heardRound = round
      this.#heardAt = now
    }
    return this.#heard.silenceMs + this.#health.marginMs(now)
  }

  #forget(): void {
    this.#heard.reset()
    this.#heardAt = -Infinity
    this.#heardRound = 0
    this.#intervalMs = this.#options.beatMs
  }
}
