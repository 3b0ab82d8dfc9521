/**
 * The order of things in one peer. Whatever happens becomes a task of one queue. A turn empties the queue, settles
 * (writes what has to be durable), then delivers what the local holders are to hear, between turns: so a core never
 * runs inside a core, and a user's callback never runs inside a turn.
 */
export interface TurnDuties {
  /** After each task. */
  afterTask(): void
  /** When the queue is empty; true if that made more to do before the turn may end. */
  settle(): boolean
  deliveryFailed(error: unknown): void
  /** A task threw: what it left half done is not to be trusted. Nothing of this peer may run any more. */
  taskFailed(error: unknown): void
}

export class Turns {
  readonly #duties: TurnDuties
  readonly #tasks: (() => void)[] = []
  #deliveries: (() => void)[] = []
  /** A run is under way or about to begin. */
  #scheduled = false
  #stopped = false

  constructor(duties: TurnDuties) {
    this.#duties = duties
  }

  /**
   * Runs in a microtask, so that whatever came with one read of a socket is one turn and one write to the disk.
   * Nothing waits for it: a microtask runs before the event loop looks at anything else.
   */
  enqueue(task: () => void): void {
    if (this.#stopped) return
    this.#tasks.push(task)
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      try {
        this.#run()
      } catch (error) {
        this.stop()
        this.#duties.taskFailed(error)
      } finally {
        this.#scheduled = false
      }
    })
  }

  /** Called between turns. */
  deliver(delivery: () => void): void {
    if (!this.#stopped) this.#deliveries.push(delivery)
  }

  stop(): void {
    this.#stopped = true
    this.#tasks.length = 0
    this.#deliveries = []
  }

  #run(): void {
    while (!this.#stopped) {
      const task = this.#tasks.shift()
      if (task !== undefined) {
        task()
        this.#duties.afterTask()
      } else if (!this.#duties.settle() && !this.#deliverAll() && this.#tasks.length === 0) return
    }
  }

  #deliverAll(): boolean {
    if (this.#deliveries.length === 0) return false
    const deliveries = this.#deliveries
    this.#deliveries = []
    for (const delivery of deliveries) {
      try {
        delivery()
      } catch (error) {
        this.#duties.deliveryFailed(error)
      }
    }
    return true
  }
}
