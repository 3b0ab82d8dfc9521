/**
 * Receipts of an urgent lane: within a second and a half after a frame came in, one empty frame goes back. They tell the sender
 * that its own way works. What it hears on the other way, which the peer dialled, tells nothing about that: after a
 * partition one of the two may be stuck for many seconds, until TCP tries again.
 */
import type { Clock, Timer } from '../seams/clock.ts'
import { encodeFrame } from './tcp-frame.ts'

/** One small frame a second and link. */
const RECEIPT_MS = 1000
/** Where nothing follows. Longer, so that on a lane in use the timer never has to fire. */
const TRAILING_MS = 1500

const receipt = encodeFrame('receipt', new Uint8Array())

export class Receipts {
  readonly #clock: Pick<Clock, 'lower' | 'setTimer'>
  readonly #send: (frame: Buffer) => void
  #sentAtMs = -Infinity
  /** For the last frames before silence: on a lane that is in use the next frame comes first. */
  #timer: Timer | undefined

  constructor(clock: Pick<Clock, 'lower' | 'setTimer'>, send: (frame: Buffer) => void) {
    this.#clock = clock
    this.#send = send
  }

  received(): void {
    const nowMs = this.#clock.lower()
    if (nowMs - this.#sentAtMs < RECEIPT_MS)
      this.#timer ??= this.#clock.setTimer(TRAILING_MS, () => this.#give())
    else this.#give(nowMs)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #give(nowMs = this.#clock.lower()): void {
    this.stop()
    this.#sentAtMs = nowMs
    this.#send(receipt)
  }
}
