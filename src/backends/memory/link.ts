import type { Clock } from '../../seams/clock.ts'

/**
 * The way between one backend and the arbiter. A message arrives in a poll phase of the receiver's own clock, so after
 * a stall timers fire before it is read, as with a socket.
 */
export class Link {
  readonly #arbiter: Clock
  readonly #client: Clock
  readonly #onKill = new Set<() => void>()
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
    this.#up = true
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
    for (const die of this.#onKill) die()
    this.#onKill.clear()
  }

  onKill(die: () => void): { cancel(): void } {
    if (this.#killed) die()
    else this.#onKill.add(die)
    return { cancel: () => void this.#onKill.delete(die) }
  }

  #carries(): boolean {
    return this.#up && !this.#killed
  }
}
