/**
 * How late this process itself has been lately. Who is slow sees everybody else as slow, so its own lag widens its
 * timeouts before anybody is accused (Lifeguard, "local health").
 */
export interface LocalHealthOptions {
  /** No lag counts as more, in ms. */
  readonly mostMs: number
  /** A lag counts half after so long, in ms. @default 2000 */
  readonly halfLifeMs?: number
  /** Timers are that late on a sound machine, in ms. @default 5 */
  readonly usualMs?: number
}

export class LocalHealth {
  readonly #mostMs: number
  readonly #halfLifeMs: number
  readonly #usualMs: number
  #worstMs = 0
  #at = -Infinity

  constructor({ mostMs, halfLifeMs = 2000, usualMs = 5 }: LocalHealthOptions) {
    this.#mostMs = mostMs
    this.#halfLifeMs = halfLifeMs
    this.#usualMs = usualMs
  }

  /** A timer fired `lateMs` after it was due. */
  late(lateMs: number, now: number): void {
    const worstMs = Math.min(lateMs, this.#mostMs)
    if (worstMs <= this.#usualMs || worstMs < this.marginMs(now)) return
    this.#worstMs = worstMs
    this.#at = now
  }

  /** To be added to a timeout that begins now: the worst lag of late, fading. */
  marginMs(now: number): number {
    const faded = this.#worstMs * 0.5 ** (Math.max(0, now - this.#at) / this.#halfLifeMs)
    return faded > this.#usualMs ? faded : 0
  }

  /** A timer that would accuse somebody fired so late: how long to wait before it may. As long as it was late, at most. */
  graceMs(lateMs: number): number {
    return lateMs > this.#usualMs ? Math.min(lateMs, this.#mostMs) : 0
  }

  /** Whether this process was late after `since`: what it saw then is no fact about others. */
  lateSince(since: number): boolean {
    return this.#at > since
  }
}
