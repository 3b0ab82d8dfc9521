/**
 * One run of one process, as the world sees it: alive or dead, running or frozen, and the calls of its seams counted, so that
 * it can be struck at any of them. After its death its seams do nothing: the code that goes on running until the end of
 * the event reaches nobody, and no event ever comes again.
 *
 * A process that is stopped in the middle of an event cannot be left half way: its code, with all its microtasks, runs on to
 * the end of the event. But from the call at which it was stopped on its clock shows the time at which it goes on, and what
 * it does to the world is done then; so nobody can tell this from a process that stood still, and one that is killed
 * meanwhile has done nothing more.
 */
import type { ProcessRun } from './history.ts'
import { onGrain } from './machine-clock.ts'
import type { Scheduler } from './scheduler.ts'
import { Task, type Executor, type Phase } from './task-queue.ts'

/** The places where a process touches the world; `write`: its application does, at a resource. */
export const seamCalls = ['clock', 'timer', 'send', 'append', 'open', 'dial', 'write'] as const
export type SeamCall = (typeof seamCalls)[number]

interface Strike {
  readonly call: SeamCall | 'any'
  left: number
  readonly strike: () => void
}

export class Incarnation implements ProcessRun, Executor {
  readonly process: string
  readonly run: number
  readonly mark: number
  readonly #scheduler: Scheduler
  readonly #backlog: { readonly [phase in Phase]: Task[] } = { timer: [], input: [], poll: [] }
  readonly #atDeath: (() => void)[] = []
  #alive = true
  #frozen = false
  #frozenUntil = 0
  #catchingUp = false
  #strike: Strike | null = null
  /** Stopped in the middle of an event: what the rest of it does to the world, in order. */
  #rest: (() => void)[] | null = null
  /** By how much what runs now happens later than it seems, in ms: the rest of an event in which the process is stopped. */
  aheadMs = 0
  /** Seam calls so far. */
  calls = 0

  constructor(scheduler: Scheduler, process: string, run: number, mark: number) {
    this.#scheduler = scheduler
    this.process = process
    this.run = run
    this.mark = mark
  }

  get alive(): boolean {
    return this.#alive
  }

  get frozen(): boolean {
    return this.#frozen
  }

  get frozenUntil(): number {
    return this.#frozen ? this.#frozenUntil : this.#scheduler.now
  }

  /** Called by every seam first; false if the process is dead, or dies with this very call. */
  touch(call: SeamCall): boolean {
    if (!this.#alive) return false
    this.calls++
    const armed = this.#strike
    if (armed !== null && (armed.call === 'any' || armed.call === call) && --armed.left <= 0) {
      this.#strike = null
      armed.strike()
      return this.#alive
    }
    return true
  }

  /** `strike` hits at the `count`-th call from now on. */
  arm(call: SeamCall | 'any', count: number, strike: () => void): void {
    this.#strike = { call, left: count, strike }
  }

  disarm(): void {
    this.#strike = null
  }

  /** What the kernel does when the process is gone, in this order. */
  atDeath(act: () => void): void {
    if (this.#alive) this.#atDeath.push(act)
  }

  die(): void {
    if (!this.#alive) return
    this.#alive = false
    this.#rest = null
    this.aheadMs = 0
    for (const act of this.#atDeath.splice(0)) act()
    for (const tasks of Object.values(this.#backlog)) tasks.length = 0
  }

  // ---- frozen: a stalled event loop, a stopped process ------------------------------------------------------------

  /** Nothing is carried out before this time. */
  freeze(untilMs: number): void {
    this.#frozen = true
    this.#frozenUntil = Math.max(this.#frozenUntil, untilMs)
    this.#scheduler.after(untilMs - this.#scheduler.now, () => this.#thaw())
  }

  /** Stopped in the middle of an event. */
  get isHalfWay(): boolean {
    return this.#rest !== null
  }

  /** Called by a strike: the call at which it strikes, and what comes after it in this event, happen `forMs` later. */
  stopHalfWay(forMs: number): void {
    this.#rest = []
    this.freeze(onGrain(this.#scheduler.now + forMs))
    this.aheadMs = this.#frozenUntil - this.#scheduler.now
  }

  /** What the process does to the world: now, or when it goes on. */
  act(effect: () => void): void {
    if (this.#rest === null) effect()
    else this.#rest.push(effect)
  }

  /** Ends it early. Who stands half way in an event has read the time at which it goes on. */
  unfreeze(): void {
    if (this.isHalfWay) return
    this.#frozenUntil = this.#scheduler.now
    this.#thaw()
  }

  defer(task: Task): void {
    this.#backlog[task.phase].push(task)
  }

  #thaw(): void {
    if (!this.#alive || !this.#frozen || this.#catchingUp || this.#scheduler.now < this.#frozenUntil) return
    this.#catchingUp = true
    // Node runs timers by the time at which they were due.
    this.#backlog.timer.sort((a, b) => a.at - b.at || a.order - b.order)
    this.#catchUp()
  }

  /** One task of the backlog at a time; what arrives meanwhile queues up behind. */
  #catchUp(): void {
    if (this.#scheduler.now < this.#frozenUntil) {
      // Frozen again.
      this.#catchingUp = false
      return
    }
    const task = this.#restOfEvent() ?? this.#next()
    if (task === undefined) {
      this.#frozen = false
      this.#catchingUp = false
      return
    }
    this.#scheduler.after(0, () => this.#catchUp())
    this.#scheduler.perform(task)
  }

  #restOfEvent(): Task | undefined {
    const rest = this.#rest
    if (rest === null) return undefined
    this.#rest = null
    this.aheadMs = 0
    return new Input(this, () => {
      for (const effect of rest) if (this.#alive) effect()
    })
  }

  #next(): Task | undefined {
    for (const phase of ['timer', 'input', 'poll'] as const) {
      for (let task = this.#backlog[phase].shift(); task !== undefined; task = this.#backlog[phase].shift()) {
        if (!task.cancelled) return task
      }
    }
    return undefined
  }
}

/** Whatever comes into a process: a frame, an answer of the disk, a broken connection. */
export class Input extends Task {
  declare private readonly act: () => void

  constructor(process: Incarnation, act: () => void) {
    super(process, 'input')
    this.act = act
  }

  override get mark(): number {
    return 4
  }

  run(): void {
    this.act()
  }
}
