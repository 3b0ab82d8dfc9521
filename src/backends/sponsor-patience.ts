/** How long a session waits for a majority's answers by way of one sponsor before it tries another. */
import type { Clock } from '../seams/clock.ts'

/** Heartbeats without a majority's answer after which another one is tried. */
const patienceHeartbeats = 4
/** Doublings: answers may just be slow, and who always left before they came would never be supported again. */
const doublingsMax = 4

export class SponsorPatience {
  readonly #options: { readonly clock: Clock; readonly heartbeatMs: number }
  /** `lower()` of the last time a majority's answer came, or of the last change of sponsor. */
  #since: number
  /** Changes of sponsor since a majority answered last. */
  #fruitless = 0

  constructor(options: { readonly clock: Clock; readonly heartbeatMs: number }) {
    this.#options = options
    this.#since = options.clock.lower()
  }

  /** There is a sponsor again: it gets the time to show that it is of use. */
  restart(): void {
    this.#since = this.#options.clock.lower()
  }

  /** By a majority. */
  answered(): void {
    this.restart()
    this.#fruitless = 0
  }

  /** Calls `forsake` when it has lasted too long; false: there is no sponsor to leave. */
  look(forsake: () => boolean): void {
    const { clock, heartbeatMs } = this.#options
    const patienceMs = patienceHeartbeats * heartbeatMs * 2 ** this.#fruitless
    if (clock.lower() - this.#since <= patienceMs) return
    this.restart()
    if (forsake()) this.#fruitless = Math.min(this.#fruitless + 1, doublingsMax)
  }
}
