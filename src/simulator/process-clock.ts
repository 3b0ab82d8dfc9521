/** The Clock seam of one run of a process, on the clocks of its machine. */
import type { Clock, Instant, Timer } from '../seams/clock.ts'
import { anchor, elapsedSince, type ClockReadings, type ClockStepPolicy } from '../system/elapsed.ts'
import type { Incarnation } from './incarnation.ts'
import type { MachineClock } from './machine-clock.ts'
import type { Scheduler } from './scheduler.ts'
import type { Stream } from './streams.ts'
import { Task } from './task-queue.ts'

export interface ProcessClockOptions {
  readonly scheduler: Scheduler
  readonly machine: MachineClock
  readonly process: Incarnation
  readonly onClockStep: ClockStepPolicy
  /** A timer fires so much after it is due at most, in ms. */
  readonly lateMs: number
  readonly chance: Stream
}

const dead: Timer = { cancel: () => undefined }

export class ProcessClock implements Clock {
  readonly #options: ProcessClockOptions
  /** The machine's clocks as this process sees them: who is stopped half way sees what they show when it goes on. */
  readonly #seen: ClockReadings
  /** A look from outside, which is no call of the process. */
  #inspected = false

  constructor(options: ProcessClockOptions) {
    this.#options = options
    const { machine, process } = options
    const aheadMs = (): number => (this.#inspected ? 0 : process.aheadMs)
    this.#seen = {
      monotonicMs: () => machine.monotonicMs(aheadMs()),
      wallMs: () => machine.wallMs(aheadMs()),
      bootMs: () => machine.bootMs(aheadMs()),
    }
  }

  /** What `look` reads is neither counted nor struck. */
  inspect<T>(look: () => T): T {
    this.#inspected = true
    try {
      return look()
    } finally {
      this.#inspected = false
    }
  }

  upper(): Instant {
    this.#touch()
    return anchor(this.#seen)
  }

  elapsedMs(since: Instant): number {
    this.#touch()
    return elapsedSince(this.#seen, since, this.#options.onClockStep)
  }

  lower(): number {
    this.#touch()
    return this.#seen.monotonicMs()
  }

  wallMs(): number {
    this.#touch()
    return this.#seen.wallMs()
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    if (Number.isNaN(delayMs)) throw new RangeError('setTimer: the delay is NaN')
    const { scheduler, machine, process, lateMs, chance } = this.#options
    if (!process.touch('timer')) return dead
    const task = new TimerTask(
      scheduler,
      machine,
      process,
      this.#seen.monotonicMs() + Math.max(0, delayMs),
      fire,
    )
    const lateness = lateMs === 0 ? 0 : lateMs * chance.next()
    scheduler.put(task, task.dueAt() + lateness)
    return task
  }

  afterPoll(run: () => void): Timer {
    const { scheduler, process } = this.#options
    if (!process.touch('timer')) return dead
    const task = new PollTask(process, run)
    scheduler.put(task, scheduler.now)
    return task
  }

  #touch(): void {
    if (!this.#inspected) this.#options.process.touch('clock')
  }
}

export class TimerTask extends Task implements Timer {
  declare private readonly scheduler: Scheduler
  declare private readonly machine: MachineClock
  declare private readonly dueMs: number
  declare private readonly fire: () => void

  constructor(
    scheduler: Scheduler,
    machine: MachineClock,
    process: Incarnation,
    dueMs: number,
    fire: () => void,
  ) {
    super(process, 'timer')
    this.scheduler = scheduler
    this.machine = machine
    this.dueMs = dueMs
    this.fire = fire
  }

  override get mark(): number {
    return 2
  }

  cancel(): void {
    this.cancelled = true
  }

  /** In true time, as the clock runs now. */
  dueAt(): number {
    return this.machine.whenMonotonic(this.dueMs)
  }

  run(): void {
    // The machine slept, or its clock was slowed down.
    if (this.machine.monotonicMs() < this.dueMs) this.scheduler.put(this, this.dueAt())
    else this.fire()
  }
}

class PollTask extends Task implements Timer {
  declare private readonly act: () => void

  constructor(process: Incarnation, act: () => void) {
    super(process, 'poll')
    this.act = act
  }

  override get mark(): number {
    return 3
  }

  cancel(): void {
    this.cancelled = true
  }

  run(): void {
    this.act()
  }
}
