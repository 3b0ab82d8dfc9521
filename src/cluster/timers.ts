/**
 * The timers of one peer, by name: setting one replaces the one before. A timer that is put off, as that of an election
 * is with every heartbeat, is left to fire and looks again: so most settings cost nothing but a note.
 */
import type { Clock, Timer } from '../seams/clock.ts'

interface Named {
  /** What will call next: a timer, or the end of a poll phase. */
  handle: Timer
  /** When the handle fires; it may be put off, not brought forward. */
  firesAt: number
  dueAt: number
  /** Lets one poll phase pass first. */
  accuses: boolean
  fire: (lateMs: number) => void
}

export class NamedTimers {
  readonly #clock: Clock
  readonly #timers = new Map<string, Named>()
  readonly #lagged: (lateMs: number) => void
  #stopped = false

  /** `lagged`: told of every timer how much later it came than the clock was asked for. */
  constructor(clock: Clock, lagged: (lateMs: number) => void = () => undefined) {
    this.#clock = clock
    this.#lagged = lagged
  }

  set(name: string, delayMs: number, fire: () => void): void {
    this.#set(name, delayMs, fire, false)
  }

  /**
   * A timer that would accuse somebody: after a stall, timers fire before queued frames are read (DESIGN §2). `fire` is
   * told how late the process was when it was due.
   */
  setAccusation(name: string, delayMs: number, fire: (lateMs: number) => void): void {
    this.#set(name, delayMs, fire, true)
  }

  /** As soon as everything that had arrived is read. */
  setAfterPoll(name: string, fire: () => void): void {
    this.cancel(name)
    if (this.#stopped) return
    const handle = this.#clock.afterPoll(() => {
      this.#timers.delete(name)
      fire()
    })
    // Nothing that is set meanwhile is put off to the end of this poll phase.
    this.#timers.set(name, { handle, firesAt: Infinity, dueAt: 0, accuses: false, fire })
  }

  has(name: string): boolean {
    return this.#timers.has(name)
  }

  cancel(name: string): void {
    this.#timers.get(name)?.handle.cancel()
    this.#timers.delete(name)
  }

  /** Cancels all; none is set any more. */
  stop(): void {
    this.#stopped = true
    for (const { handle } of this.#timers.values()) handle.cancel()
    this.#timers.clear()
  }

  #set(name: string, delayMs: number, fire: (lateMs: number) => void, accuses: boolean): void {
    if (this.#stopped) return
    const dueAt = this.#clock.lower() + delayMs
    const known = this.#timers.get(name)
    if (known !== undefined && known.firesAt <= dueAt) {
      Object.assign(known, { dueAt, accuses, fire })
      return
    }
    known?.handle.cancel()
    const handle = this.#clock.setTimer(delayMs, () => this.#look(name))
    this.#timers.set(name, { handle, firesAt: dueAt, dueAt, accuses, fire })
  }

  #look(name: string): void {
    const timer = this.#timers.get(name)
    if (timer === undefined) return
    const now = this.#clock.lower()
    const leftMs = timer.dueAt - now
    const lateMs = Math.max(0, now - timer.firesAt)
    this.#lagged(lateMs)
    if (leftMs > 0) {
      timer.firesAt = timer.dueAt
      timer.handle = this.#clock.setTimer(leftMs, () => this.#look(name))
    } else if (timer.accuses) this.setAfterPoll(name, () => timer.fire(lateMs))
    else {
      this.#timers.delete(name)
      timer.fire(lateMs)
    }
  }
}
