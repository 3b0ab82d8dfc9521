/**
 * Whether this process should be started again. The rule is that of client-go's HealthzAdaptor: only a candidate that
 * is named as the leader, and neither renews nor gives up long after its lease is over, is sick. Who waits is healthy, and
 * so is everybody while the backend fails: a restart would not help. A candidate that tries hears of a failure at least once
 * a lease; one that hears of none, and is still named, does not try.
 */

export interface LivenessFacts {
  /** Monotonic. */
  readonly nowMs: number
  readonly leads: boolean
  /** Whether the arbiter names this candidate as the leader. */
  readonly isNamed: boolean
  /** When the backend last reported a failure; -Infinity: never. */
  readonly failedAtMs: number
  /** Every one of the event loop's last beats was at least so late. */
  readonly sustainedLagMs: number
}

export interface LivenessOptions {
  readonly leaseMs: number
  /** Beyond the end of the lease. */
  readonly toleranceMs: number
}

export class Liveness {
  readonly #options: LivenessOptions
  #led = false
  /** While the arbiter names a candidate that does not lead: when its lease is over. */
  #leaseEndMs: number | undefined

  constructor(options: LivenessOptions) {
    this.#options = options
  }

  /** Told of each change, so that it is known since when. */
  look({ nowMs, leads, isNamed }: LivenessFacts): void {
    if (leads || !isNamed) this.#leaseEndMs = undefined
    // Its own leadership ended just now; what an earlier process of its id left behind is over within a lease.
    else this.#leaseEndMs ??= this.#led ? nowMs : nowMs + this.#options.leaseMs
    this.#led = leads
  }

  /** What is wrong; undefined: nothing. */
  problem(facts: LivenessFacts): string | undefined {
    this.look(facts)
    const { leaseMs, toleranceMs } = this.#options
    const { nowMs, failedAtMs, sustainedLagMs } = facts
    if (sustainedLagMs > leaseMs / 2) {
      return `the event loop is ${Math.round(sustainedLagMs)} ms late, more than half of the lease`
    }
    if (this.#leaseEndMs === undefined || nowMs - failedAtMs <= leaseMs + toleranceMs) return undefined
    const overMs = nowMs - this.#leaseEndMs
    if (overMs <= toleranceMs) return undefined
    return `the arbiter names this candidate, whose lease was over ${Math.round(overMs)} ms ago`
  }
}
