/** True time, and what happens in it: one task after the other, nothing in between. */
import { onGrain } from './machine-clock.ts'
import type { Executor } from './task-queue.ts'
import { Task, TaskQueue } from './task-queue.ts'

/** Told of every task before it runs. */
export interface Watcher {
  began(at: number, mark: number, process: number): void
}

export class Scheduler {
  /** True time, ms. Moves only between tasks. */
  now = 0
  /** Tasks that ran. */
  events = 0
  /** Whose task is being carried out; null for one of the world, and between tasks. */
  running: Executor | null = null
  readonly #queue = new TaskQueue()
  readonly #drain: () => void
  readonly #watcher: Watcher

  /** `drain` lets all microtasks run. */
  constructor(drain: () => void, watcher: Watcher) {
    this.#drain = drain
    this.#watcher = watcher
  }

  put(task: Task, at: number): void {
    this.#queue.put(task, at > this.now ? at : this.now)
  }

  /** `act` in the world, `delayMs` from now. */
  after(delayMs: number, act: () => void): void {
    this.put(new WorldTask(act), onGrain(this.now + delayMs))
  }

  /** Carries out the next task at or before `endMs`; false, at `endMs`, if there is none. */
  step(endMs: number): boolean {
    for (;;) {
      const next = this.#queue.first()
      if (next === undefined || next.at > endMs) {
        this.now = endMs
        return false
      }
      this.#queue.take()
      if (next.cancelled) continue
      this.now = next.at
      if (!next.arrives()) continue
      const { process } = next
      if (process === null || (process.alive && !process.frozen)) {
        this.perform(next)
        return true
      }
      if (process.alive) process.defer(next)
      else next.refused()
    }
  }

  /** Carries out a task that waited elsewhere. */
  perform(task: Task): void {
    this.events++
    this.#watcher.began(this.now, task.mark, task.process === null ? 0 : task.process.mark)
    this.running = task.process
    task.run()
    this.#drain()
    this.running = null
  }

  /** A clock was bent: what waits for it is due at another time. */
  reschedule(process: Executor, move: (task: Task) => number): void {
    this.#queue.reschedule((task) => (task.process === process ? Math.max(this.now, move(task)) : task.at))
  }
}

export class WorldTask extends Task {
  declare private readonly act: () => void

  constructor(act: () => void) {
    super(null, 'input')
    this.act = act
  }

  override get mark(): number {
    return 1
  }

  run(): void {
    this.act()
  }
}
