/**
 * The clocks of one machine on true time: straight lines between the faults that bend them, so that reading one costs a
 * multiplication and nothing has to be moved when time passes.
 */
import type { ClockReadings } from '../system/elapsed.ts'

export interface MachineClockOptions {
  /** Counts per ms of true time. */
  readonly rate: number
  /** Readings are multiples of it, in ms; 0 = exact. */
  readonly tickMs: number
  /** Readings at true time 0. */
  readonly monotonicMs: number
  readonly wallMs: number
  readonly bootMs: number
}

/** Every event happens at a multiple of it, in ms (1/1024): sums of such times are exact. */
const GRAIN = 1024

export function onGrain(ms: number): number {
  return Math.ceil(ms * GRAIN) / GRAIN
}

export class MachineClock implements ClockReadings {
  readonly #now: () => number
  readonly #tickMs: number
  #rate: number
  /** True time of the last bend, and the readings at that instant. */
  #since = 0
  #monotonic: number
  #wall: number
  #boot: number
  #asleep = false

  constructor(options: MachineClockOptions, now: () => number) {
    this.#now = now
    this.#tickMs = options.tickMs
    this.#rate = options.rate
    this.#monotonic = options.monotonicMs
    this.#wall = options.wallMs
    this.#boot = options.bootMs
  }

  get rate(): number {
    return this.#rate
  }

  /** What it will show `aheadMs` from now, if nothing bends it before. */
  monotonicMs(aheadMs = 0): number {
    return this.#ticked(this.#monotonic + (this.#asleep ? 0 : this.#counted(aheadMs)))
  }

  wallMs(aheadMs = 0): number {
    return this.#ticked(this.#wall + this.#counted(aheadMs))
  }

  bootMs(aheadMs = 0): number {
    return this.#ticked(this.#boot + this.#counted(aheadMs))
  }

  /** Since the last bend. */
  #counted(aheadMs: number): number {
    return (this.#now() + aheadMs - this.#since) * this.#rate
  }

  #ticked(ms: number): number {
    return this.#tickMs === 0 ? ms : Math.floor(ms / this.#tickMs) * this.#tickMs
  }

  /** The earliest true time at which `monotonicMs()` shows at least this much, if nothing bends the clock before. */
  whenMonotonic(dueMs: number): number {
    const shown = this.#tickMs === 0 ? dueMs : Math.ceil(dueMs / this.#tickMs) * this.#tickMs
    const now = this.#now()
    // Asleep it stands still: at best it goes on now.
    if (this.#asleep) return onGrain(now + Math.max(1, (shown - this.#monotonic) / this.#rate))
    let at = onGrain(Math.max(now, this.#since + (shown - this.#monotonic) / this.#rate))
    // Division and multiplication round apart; a timer never fires before its delay by this clock.
    while (this.#monotonicAt(at) < dueMs) at += 1 / GRAIN
    return at
  }

  #monotonicAt(at: number): number {
    return this.#ticked(this.#monotonic + (at - this.#since) * this.#rate)
  }

  setRate(rate: number): void {
    this.#bend()
    this.#rate = rate
  }

  stepWall(ms: number): void {
    this.#wall += ms
  }

  /** Monotonic time stands still from now until `wake`. */
  sleep(): void {
    this.#bend()
    this.#asleep = true
  }

  wake(): void {
    this.#bend()
    this.#asleep = false
  }

  /** The machine starts anew: monotonic and boot time begin again. */
  reboot(): void {
    this.#bend()
    this.#monotonic = 1000
    this.#boot = 1000
  }

  #bend(): void {
    const now = this.#now()
    const counted = this.#counted(0)
    if (!this.#asleep) this.#monotonic += counted
    this.#wall += counted
    this.#boot += counted
    this.#since = now
  }
}
