/**
 * A timer that is mostly set anew before it fires, as an election timer is by every heartbeat: setting it later costs a
 * number, for its place in the agenda stays and is looked at when it comes up.
 */
import type { Incarnation } from '../incarnation.ts'
import type { Scheduler } from '../scheduler.ts'
import { Task } from '../task-queue.ts'

export class Alarm {
  /** True time; Infinity = not set. */
  due = Infinity
  readonly fire: () => void
  readonly number: number
  readonly #scheduler: Scheduler
  readonly #process: Incarnation
  #ring: Ring | null = null

  /** `number` tells it from the other alarms of its process. */
  constructor(scheduler: Scheduler, process: Incarnation, number: number, fire: () => void) {
    this.#scheduler = scheduler
    this.#process = process
    this.number = number
    this.fire = fire
  }

  set(due: number): void {
    this.due = due
    if (this.#ring !== null) {
      if (this.#ring.at <= due) return
      this.#ring.cancelled = true
      this.#ring = null
    }
    this.#wait()
  }

  cancel(): void {
    this.due = Infinity
  }

  /** Its place came up. True: it is really due. */
  comesUp(ring: Ring): boolean {
    if (this.due <= this.#scheduler.now) return true
    if (this.due === Infinity) this.#ring = null
    else this.#scheduler.put(ring, this.due)
    return false
  }

  rings(): void {
    this.#ring = null
    if (this.due > this.#scheduler.now) {
      // Set anew while the process was frozen.
      if (this.due !== Infinity) this.#wait()
      return
    }
    this.due = Infinity
    this.fire()
  }

  #wait(): void {
    this.#ring = new Ring(this.#process, this)
    this.#scheduler.put(this.#ring, this.due)
  }
}

class Ring extends Task {
  declare private readonly alarm: Alarm

  constructor(process: Incarnation, alarm: Alarm) {
    super(process, 'timer')
    this.alarm = alarm
  }

  override get mark(): number {
    return this.alarm.number
  }

  override arrives(): boolean {
    return this.alarm.comesUp(this)
  }

  run(): void {
    this.alarm.rings()
  }
}
