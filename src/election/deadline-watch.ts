import type { Clock, Timer } from '../seams/clock.ts'

export interface Deadline {
  /** 0 when it has passed. */
  remainingMs(): number
  /** It can pass before its timer fires, for no timer counts the sleep of a machine: so it is looked at this often. */
  readonly lookEveryMs: number
  /** Called once, in a timer phase, when it has passed. Removes itself. */
  expire(): void
}

/**
 * Watches the deadlines of one session with one timer. A renewal moves only the deadline: the
 * timer fires, looks again and sleeps on. It never yields to queued packets first, because a holder
 * whose deadline has passed must stop even if the renewal has already arrived (DESIGN §2 "Clocks").
 */
export class DeadlineWatch {
  readonly #clock: Clock
  readonly #deadlines = new Set<Deadline>()
  #timer: Timer | undefined
  #dueMs = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(deadline: Deadline): void {
    this.#deadlines.add(deadline)
    this.#arm(Math.min(deadline.remainingMs(), deadline.lookEveryMs))
  }

  remove(deadline: Deadline): void {
    if (!this.#deadlines.delete(deadline) || this.#deadlines.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** A deadline was found to have passed outside a timer phase: look in the next one. */
  lookSoon(): void {
    if (this.#deadlines.size > 0) this.#arm(0)
  }

  #arm(waitMs: number): void {
    // Whole ms: what is left below the clock's resolution would be waited for in no time, again and again.
    const delayMs = Math.ceil(waitMs)
    const dueMs = this.#clock.lower() + delayMs
    if (this.#timer !== undefined) {
      if (this.#dueMs <= dueMs) return
      this.#timer.cancel()
    }
    this.#dueMs = dueMs
    this.#timer = this.#clock.setTimer(delayMs, () => this.#look())
  }

  #look(): void {
    this.#timer = undefined
    let nextMs = Number.POSITIVE_INFINITY
    for (const deadline of this.#deadlines) {
      const remainingMs = deadline.remainingMs()
      if (remainingMs <= 0) deadline.expire()
      else nextMs = Math.min(nextMs, remainingMs, deadline.lookEveryMs)
    }
    if (this.#deadlines.size > 0) this.#arm(nextMs === Number.POSITIVE_INFINITY ? 0 : nextMs)
  }
}
