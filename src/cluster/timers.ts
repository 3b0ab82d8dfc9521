/** The timers of one peer, by name: setting one replaces the one before. */
import type { Clock, Timer } from '../seams/clock.ts'

export class NamedTimers {
  readonly #clock: Clock
  readonly #timers = new Map<string, Timer>()
  #stopped = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  set(name: string, delayMs: number, fire: () => void): void {
    this.cancel(name)
    if (this.#stopped) return
    const timer = this.#clock.setTimer(delayMs, () => {
      this.#timers.delete(name)
      fire()
    })
    this.#timers.set(name, timer)
  }

  /** A timer that would accuse somebody: after a stall, timers fire before queued frames are read (DESIGN §2). */
  setAccusation(name: string, delayMs: number, fire: () => void): void {
    this.cancel(name)
    if (this.#stopped) return
    const timer = this.#clock.setTimer(delayMs, () => {
      const poll = this.#clock.afterPoll(() => {
        this.#timers.delete(name)
        fire()
      })
      this.#timers.set(name, poll)
    })
    this.#timers.set(name, timer)
  }

  has(name: string): boolean {
    return this.#timers.has(name)
  }

  cancel(name: string): void {
    this.#timers.get(name)?.cancel()
    this.#timers.delete(name)
  }

  /** Cancels all; none is set any more. */
  stop(): void {
    this.#stopped = true
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }
}
