/**
 * One run of one process, as the world sees it: alive or dead, running or frozen, and the calls of its seams counted, so that
 * it can be struck at any of them. After its death its seams do nothing: the code that goes on running until the end of
 * the event reaches nobody, and no event ever comes again.
 */
import type { ProcessRun } from './history.ts'
import type { Scheduler } from './scheduler.ts'
import { Task, type Executor, type Phase } from './task-queue.ts'

/** The places where a process touches the world. */
export const seamCalls = ['clock', 'timer', 'send', 'append', 'open', 'dial'] as const
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

  /** Ends it early. */
  unfreeze(): void {
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
    const task = this.#next()
    if (task === undefined) {
      this.#frozen = false
      this.#catchingUp = false
      return
    }
    this.#scheduler.after(0, () => this.#catchUp())
    this.#scheduler.perform(task)
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
