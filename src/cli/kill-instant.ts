/** When the guard kills the command: before the lease ends, or when the grace is over, whichever comes first. */
import { deadlineAfter } from './guard-protocol.ts'
import type { Deadline, readClocks } from './guard-protocol.ts'

type Clocks = ReturnType<typeof readClocks>

export class KillInstant {
  readonly #marginMs: number
  /** The last instant at which the leadership, as last seen, still leaves the margin. */
  #leaseEnd: Deadline | undefined
  #graceEnd: Deadline | undefined

  /** `marginMs`: between the kill and the end of the leadership. */
  constructor(marginMs: number) {
    this.#marginMs = marginMs
  }

  /** `clocks` were read before `remainingMs`: a pause in between makes the instant too early, never too late. */
  renew(clocks: Clocks, remainingMs: number): void {
    // Once it is lost nothing remains, but until the end seen last nobody else leads: that much grace is left.
    if (remainingMs > 0) this.#leaseEnd = deadlineAfter(clocks, remainingMs - this.#marginMs)
  }

  /** The command was asked to stop. A second grace can only end earlier than the first one. */
  grant(clocks: Clocks, graceMs: number): void {
    const end = deadlineAfter(clocks, graceMs)
    this.#graceEnd = this.#graceEnd === undefined ? end : earlier(this.#graceEnd, end)
  }

  get graceEnd(): Deadline | undefined {
    return this.#graceEnd
  }

  /** What the guard is told. Without any renewal seen: now. */
  at(clocks: Clocks): Deadline {
    const leaseEnd = this.#leaseEnd ?? deadlineAfter(clocks, 0)
    return this.#graceEnd === undefined ? leaseEnd : earlier(this.#graceEnd, leaseEnd)
  }
}

function earlier(a: Deadline, b: Deadline): Deadline {
  return BigInt(a.monotonicNs) < BigInt(b.monotonicNs) ? a : b
}
