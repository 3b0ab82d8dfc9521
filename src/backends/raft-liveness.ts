/**
 * Keeps one session supported (DESIGN §4.1 A1-A3): a numbered keepalive to every voter once a heartbeat, and from their
 * answers the instant since which a majority surely supports it.
 */
import { grantorSilenceMs } from '../lease/deadline.ts'
import type { PeerId } from '../protocols/quorum/types.ts'
import {
  acknowledged,
  createHolder,
  isEndangered,
  refused,
  reopened,
  sent,
  supportedSince,
  type Holder,
} from '../protocols/support/holder.ts'
import type { LeaseBounds, SupportMessage } from '../protocols/support/types.ts'
import type { Clock, Instant, Timer } from '../seams/clock.ts'
import type { Renewal } from './backend.ts'
import { unexpired } from './renewals.ts'
import { SponsorPatience } from './sponsor-patience.ts'

export interface RaftLivenessOptions extends LeaseBounds {
  readonly clock: Clock
  readonly voters: readonly PeerId[]
  readonly heartbeatMs: number
  readonly leaseMs: number
}

export interface RaftLivenessDuties {
  /** `patient`: the answers may wait for whatever else travels the same way. */
  keepalive(epoch: number, sequence: number, patient: boolean): void
  /** The session lost single voters while a majority may still support it (A5). */
  reopen(epoch: number): void
  /** Somebody calls `beaten` at least once a heartbeat. */
  beaten(): boolean
  /** A majority's answer moved the deadline. */
  renewed(renewal: Renewal): void
  /** No majority answers by way of this sponsor; another one may be better connected. False: there is none to leave. */
  forsaken(): boolean
}

/**
 * Of the keepalives of a session that holds nothing, one in so many asks for its answer at once, and so do the first:
 * their round trips are those by which the peers space the ranks of successors.
 */
const promptEvery = 8

/**
 * How much longer than a lease a holder that hears no majority is silent, in heartbeats: an arbiter notices, asks, and
 * counts the withdrawals.
 */
const quietHeartbeats = 6

export class RaftLiveness {
  readonly #options: RaftLivenessOptions
  readonly #duties: RaftLivenessDuties
  /** Null until the log opened the session and gave it an epoch. */
  #holder: Holder<Instant> | null = null
  readonly #patience: SponsorPatience
  #sequence = 0
  #renewal: Renewal | null = null
  #running = false
  #timer: Timer | null = null
  /** `lower()` of the last beat. */
  #beatAt = -Infinity
  /** Something is held, or granted, that ends if the answers come late. */
  #holds = false
  /** Keepalives since a majority answered last, or since the last silence. */
  #unanswered = 0
  /** By `lower()`: no keepalive before that. */
  #quietUntil = -Infinity

  constructor(options: RaftLivenessOptions, duties: RaftLivenessDuties) {
    this.#options = options
    this.#duties = duties
    this.#patience = new SponsorPatience(options)
  }

  /** The newest renewal, if it has not run out. */
  get renewal(): Renewal | null {
    return unexpired(this.#renewal, this.#options.clock, this.#options)
  }

  /** There is a sponsor again: it gets the time to show that it is of use. */
  hope(): void {
    this.#patience.restart()
  }

  /** The log opened the session, or moved it to this epoch. */
  opened(epoch: number): void {
    this.#speakUp()
    if (this.#holder !== null) this.moved(epoch)
    else this.#holder = createHolder({ configuration: { voters: this.#options.voters }, epoch })
  }

  moved(epoch: number): void {
    if (this.#holder !== null) reopened(this.#holder, epoch)
  }

  /** The session is over, or a new one begins: nothing of the old one supports it. */
  reset(): void {
    this.stop()
    this.#holder = null
    this.#renewal = null
    this.#speakUp()
  }

  stop(): void {
    this.#running = false
    this.#timer?.cancel()
    this.#timer = null
  }

  /** The sponsor sends something now: a keepalive that is about due goes with it. */
  beaten(): void {
    const { clock, heartbeatMs } = this.#options
    if (this.#running && clock.lower() - this.#beatAt >= heartbeatMs / 2) this.beat()
  }

  /**
   * Whether the session holds anything. While it does not, the answers come a heartbeat late; from the first grant on
   * they are wanted at once, and the renewal must not be older than they would have made it.
   */
  set holds(holds: boolean) {
    if (this.#holds === holds) return
    this.#holds = holds
    if (!holds || !this.#running) return
    const renewal = this.#renewal
    const { clock, heartbeatMs } = this.#options
    if (renewal === null || clock.elapsedMs(renewal.sentAt) > heartbeatMs) this.beat()
  }

  /** Now and then once a heartbeat: sends a keepalive, and looks for another sponsor where this one leads nowhere. */
  beat(): void {
    const { clock, heartbeatMs } = this.#options
    this.stop()
    this.#running = true
    if (!this.#duties.beaten()) this.#timer = clock.setTimer(heartbeatMs, () => this.beat())
    this.#beatAt = clock.lower()
    const holder = this.#holder
    if (holder !== null && this.#speaks()) {
      // The instant comes first: whatever happens between here and the wire only makes the deadline earlier.
      const sentAt = clock.upper()
      const sequence = ++this.#sequence
      sent(holder, sequence, sentAt)
      const patient = !this.#holds && sequence > promptEvery && sequence % promptEvery !== 0
      this.#duties.keepalive(holder.epoch, sequence, patient)
    }
    this.#patience.look(() => this.#duties.forsaken())
  }

  /**
   * Whoever hears no majority for a lease leads nothing, and may not even know what it was granted; with keepalives that
   * all voters hear it would keep that from everybody else for ever. So it falls silent until its session has run out,
   * and tries again. Counted in keepalives: a process that did not run has not been left without an answer.
   */
  #speaks(): boolean {
    const { clock, heartbeatMs, leaseMs } = this.#options
    const now = clock.lower()
    if (now < this.#quietUntil) return false
    if (this.#unanswered <= Math.ceil(leaseMs / heartbeatMs) + 1) {
      this.#unanswered += 1
      return true
    }
    this.#unanswered = 0
    this.#quietUntil = now + grantorSilenceMs(leaseMs, this.#options) + quietHeartbeats * heartbeatMs
    return false
  }

  /** The way back is open. */
  #speakUp(): void {
    this.#unanswered = 0
    this.#quietUntil = -Infinity
  }

  received(message: SupportMessage): void {
    const holder = this.#holder
    if (holder === null) return
    switch (message.type) {
      case 'keepalive-ack':
        if (acknowledged(holder, message)) this.#renew(holder)
        return
      case 'keepalive-refusal':
        refused(holder, message)
        if (isEndangered(holder)) this.#duties.reopen(holder.epoch)
        return
      case 'keepalive':
      case 'withdraw-request':
      case 'withdraw-answer':
        return
      default:
        message satisfies never
    }
  }

  #renew(holder: Holder<Instant>): void {
    const since = supportedSince(holder)
    if (since === null) return
    this.#patience.answered()
    this.#speakUp()
    this.#renewal = { sentAt: since, grantedMs: this.#options.leaseMs }
    this.#duties.renewed(this.#renewal)
  }
}
