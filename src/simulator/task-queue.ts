/** What is to happen, earliest first; at one instant in the order in which it was put in. */

/** Whoever carries tasks out: one run of a process. */
export interface Executor {
  /** Tells it from others in the trace. */
  readonly mark: number
  readonly alive: boolean
  /** Carries out nothing now; what is due waits with it. */
  readonly frozen: boolean
  defer(task: Task): void
}

/** In which order a process that was stalled takes up what waited for it: timers, then what came in, then polls. */
export type Phase = 'timer' | 'input' | 'poll'

export abstract class Task {
  // Declared, and set in the constructor: initialisers of fields cost more than all the rest of making a task.
  /** True time, ms. */
  declare at: number
  declare order: number
  /** Null: happens in the world, not in a process. */
  declare readonly process: Executor | null
  declare readonly phase: Phase
  /** Stays in the queue and is passed over: taking it out would cost more. */
  declare cancelled: boolean

  constructor(process: Executor | null, phase: Phase) {
    this.at = 0
    this.order = 0
    this.process = process
    this.phase = phase
    this.cancelled = false
  }

  abstract run(): void

  /** Asked when its time has come, whatever the process does: false = it went elsewhere. */
  arrives(): boolean {
    return true
  }

  /** The process is dead. */
  refused(): void {
    // Mostly nobody cares.
  }

  /** A number that tells this task from others in the trace. */
  abstract readonly mark: number
}

/** Four children a place: half as deep as a binary heap, and fewer comparisons that miss the cache. */
export class TaskQueue {
  readonly #heap: Task[] = []
  #order = 0

  get size(): number {
    return this.#heap.length
  }

  put(task: Task, at: number): void {
    task.at = at
    task.order = ++this.#order
    const heap = this.#heap
    let place = heap.length
    heap.push(task)
    while (place > 0) {
      const above = (place - 1) >> 2
      const parent = heap[above] as Task
      if (parent.at < at || (parent.at === at && parent.order < task.order)) break
      heap[place] = parent
      place = above
    }
    heap[place] = task
  }

  first(): Task | undefined {
    return this.#heap[0]
  }

  take(): Task | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return first
    this.#sink(last, 0)
    return first
  }

  #sink(task: Task, from: number): void {
    const heap = this.#heap
    const { length } = heap
    let place = from
    for (let child = 4 * place + 1; child < length; child = 4 * place + 1) {
      let least = child
      let leastTask = heap[child] as Task
      const end = Math.min(child + 4, length)
      for (let other = child + 1; other < end; other++) {
        const candidate = heap[other] as Task
        if (
          candidate.at < leastTask.at ||
          (candidate.at === leastTask.at && candidate.order < leastTask.order)
        ) {
          least = other
          leastTask = candidate
        }
      }
      if (task.at < leastTask.at || (task.at === leastTask.at && task.order < leastTask.order)) break
      heap[place] = leastTask
      place = least
    }
    heap[place] = task
  }

  /** Moves what `move` gives another time. The order at one instant stays. */
  reschedule(move: (task: Task) => number): void {
    const tasks = this.#heap.filter((task) => !task.cancelled)
    for (const task of tasks) task.at = move(task)
    this.#heap.length = 0
    for (const task of tasks.toSorted((a, b) => a.at - b.at || a.order - b.order)) this.#heap.push(task)
  }
}
