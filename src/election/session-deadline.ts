import type { LeaseTiming, Renewal, Session } from '../backends/backend.ts'
import { DeadlineWatch } from './deadline-watch.ts'
import type { Deadline } from './deadline-watch.ts'
import { holderValidityMs } from '../lease/deadline.ts'
import { hasSubscribers } from '../observability/channels.ts'
import type { Clock, Instant } from '../seams/clock.ts'

/** Whoever works by its signal alone, on a machine that slept, goes on for so small a part of the lease at most. */
const looksPerLease = 8

/** What ends with its deadline. */
export interface Dependent {
  /** Called once, when the deadline has passed; leaves it. */
  expire(): void
  /** Called while somebody subscribes to `mandate:renewed`. */
  renewed(): void
}

/**
 * One deadline and whatever stands on it: a single leadership, or all those of a session whose renewals carry
 * everything that it holds. A renewal then costs the same whether the session holds one election or ten thousand.
 */
export class LiveDeadline implements Deadline {
  readonly #clock: Clock
  readonly #timing: LeaseTiming
  readonly #watch: DeadlineWatch
  readonly #dependents = new Set<Dependent>()
  #sentAt: Instant
  #validMs: number
  /** Cleared at the first sight of the end, and never set again: a late renewal revives nothing. */
  #standing = true
  #lapse: 'expired' | 'suspended' | undefined

  constructor(watch: DeadlineWatch, clock: Clock, timing: LeaseTiming, renewal: Renewal) {
    this.#watch = watch
    this.#clock = clock
    this.#timing = timing
    this.#sentAt = renewal.sentAt
    this.#validMs = holderValidityMs(renewal.grantedMs, timing)
  }

  get lookEveryMs(): number {
    return this.#validMs / looksPerLease
  }

  /** How it passed; undefined while nobody saw that it did. */
  get lapse(): 'expired' | 'suspended' | undefined {
    return this.#lapse
  }

  get isIdle(): boolean {
    return this.#dependents.size === 0
  }

  /** False from the first sight of the end on, for ever. */
  stands(): boolean {
    if (!this.#standing) return false
    const elapsedMs = this.#clock.elapsedMs(this.#sentAt)
    if (elapsedMs < this.#validMs) return true
    // Whoever asked may act on the answer, so it is final; the aborts follow in the next timer phase.
    this.#standing = false
    this.#lapse = elapsedMs === Number.POSITIVE_INFINITY ? 'suspended' : 'expired'
    this.#watch.lookSoon()
    return false
  }

  /** As `stands`, for a look from outside on which nobody acts: it ends nothing. */
  seemsToStand(): boolean {
    return this.#standing && this.#clock.elapsedMs(this.#sentAt) < this.#validMs
  }

  remainingMs(): number {
    return this.stands() ? Math.max(0, this.#validMs - this.#clock.elapsedMs(this.#sentAt)) : 0
  }

  /** One that was sent before the newest changes nothing; one that comes after the deadline ends what stood on it. */
  renew(renewal: Renewal): void {
    // The deadline passed before this was read. It may have been granted in time, but who asked in between was told
    // that the leadership is over, and so it is.
    if (!this.stands()) return this.expire()
    if (renewal.sentAt.monotonicMs < this.#sentAt.monotonicMs) return
    this.#sentAt = renewal.sentAt
    this.#validMs = holderValidityMs(renewal.grantedMs, this.#timing)
    if (hasSubscribers('mandate:renewed')) for (const dependent of this.#dependents) dependent.renewed()
  }

  expire(): void {
    for (const dependent of this.#dependents) dependent.expire()
  }

  add(dependent: Dependent): void {
    this.#dependents.add(dependent)
    if (this.#dependents.size === 1) this.#watch.add(this)
  }

  remove(dependent: Dependent): void {
    if (this.#dependents.delete(dependent) && this.#dependents.size === 0) this.#watch.remove(this)
  }
}

/**
 * The deadlines of one session: one for all its leaderships where the session tells of its renewals as a whole, else
 * one for each. Either way one timer watches them.
 */
export class SessionDeadlines {
  readonly #clock: Clock
  readonly #timing: LeaseTiming
  readonly #watch: DeadlineWatch
  readonly #isShared: boolean
  /** The one that stands; what stood on one that has passed stays with that, and is lost with it. */
  #shared: LiveDeadline | undefined

  constructor(session: Session, clock: Clock, timing: LeaseTiming) {
    this.#clock = clock
    this.#timing = timing
    this.#watch = new DeadlineWatch(clock)
    this.#isShared = session.onRenewed !== undefined
    session.onRenewed?.((renewal) => this.#renewed(renewal))
  }

  /** For a leadership that is won with this renewal. */
  of(renewal: Renewal): LiveDeadline {
    if (!this.#isShared) return this.#begin(renewal)
    // Nobody watched an idle one, so nobody knows whether it passed; it is what nobody stands on.
    if (this.#shared === undefined || this.#shared.isIdle || !this.#shared.stands()) {
      return (this.#shared = this.#begin(renewal))
    }
    this.#shared.renew(renewal)
    return this.#shared
  }

  #renewed(renewal: Renewal): void {
    if (this.#shared === undefined) return
    if (!this.#shared.isIdle) this.#shared.renew(renewal)
    // Ended by it, or idle: the next win begins another with a renewal of its own.
    if (this.#shared.isIdle) this.#shared = undefined
  }

  #begin(renewal: Renewal): LiveDeadline {
    return new LiveDeadline(this.#watch, this.#clock, this.#timing, renewal)
  }
}

/** Keyed by the session itself, so that every election on it finds the same deadlines, and they go with it. */
const known = new WeakMap<Session, SessionDeadlines>()

export function deadlinesOf(session: Session, clock: Clock, timing: LeaseTiming): SessionDeadlines {
  const deadlines = known.get(session) ?? new SessionDeadlines(session, clock, timing)
  known.set(session, deadlines)
  return deadlines
}
