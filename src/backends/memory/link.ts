import type { Clock } from '../../seams/clock.ts'

export interface LinkWatch {
  killed(): void
  /** As when a connection is made anew: what was missed can be asked for. */
  healed?(): void
}

/**
 * The way between one backend and the arbiter. A message arrives in a poll phase of the receiver's own clock, so after
 * a stall timers fire before it is read, as with a socket.
 */
export class Link {
  readonly #arbiter: Clock
  readonly #client: Clock
  readonly #watches = new Set<LinkWatch>()
  #up = true
  #killed = false
  #repliesToLose = 0
  #replyDelayMs = 0

  constructor(arbiter: Clock, client: Clock) {
    this.#arbiter = arbiter
    this.#client = client
  }

  get killed(): boolean {
    return this.#killed
  }

  toArbiter(deliver: () => void): void {
    if (!this.#carries()) return
    this.#arbiter.afterPoll(() => {
      if (this.#carries()) deliver()
    })
  }

  toClient(deliver: () => void): void {
    if (!this.#carries()) return
    if (this.#repliesToLose > 0) {
      this.#repliesToLose--
      return
    }
    const arrive = (): void => {
      this.#client.afterPoll(() => {
        if (this.#carries()) deliver()
      })
    }
    if (this.#replyDelayMs > 0) this.#arbiter.setTimer(this.#replyDelayMs, arrive)
    else arrive()
  }

  cut(): void {
    this.#up = false
  }

  heal(): void {
    if (this.#up) return
    this.#up = true
    for (const watch of this.#watches) watch.healed?.()
  }

  loseReplies(count: number): void {
    this.#repliesToLose += count
  }

  delayReplies(ms: number): void {
    this.#replyDelayMs = ms
  }

  /** The process is gone: nothing of it is called again. */
  kill(): void {
    this.#killed = true
    for (const watch of this.#watches) watch.killed()
    this.#watches.clear()
  }

  watch(watch: LinkWatch): { cancel(): void } {
    if (this.#killed) watch.killed()
    else this.#watches.add(watch)
    return { cancel: () => void this.#watches.delete(watch) }
  }

  #carries(): boolean {
    return this.#up && !this.#killed
  }
}
