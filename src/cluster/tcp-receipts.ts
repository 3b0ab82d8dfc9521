/**
 * Receipts of an urgent lane: within half a second after a frame came in, one empty frame goes back. They tell the
 * sender that its own way works. What it hears on the other way, which the peer dialled, tells nothing about that:
 * after a partition one of the two may be stuck for many seconds, until TCP tries again.
 */
import type { Clock, Timer } from '../seams/clock.ts'
import { encodeFrame } from './tcp-frame.ts'

/** Two small frames a second and link at most. */
const RECEIPT_MS = 500

const receipt = encodeFrame('receipt', new Uint8Array())

export class Receipts {
  readonly #clock: Clock
  readonly #send: (frame: Buffer) => void
  #timer: Timer | undefined

  constructor(clock: Clock, send: (frame: Buffer) => void) {
    this.#clock = clock
    this.#send = send
  }

  received(): void {
    this.#timer ??= this.#clock.setTimer(RECEIPT_MS, () => {
      this.#timer = undefined
      this.#send(receipt)
    })
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
