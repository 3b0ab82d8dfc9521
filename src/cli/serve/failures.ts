/** Failures of the backend that belong to no call: how many there were, and when the last one was. */
import type { BackgroundFailure } from '../../backends/backend.ts'
import { Counter } from '../../observability/prometheus-text.ts'

export class Failures {
  readonly counter = new Counter()
  readonly #nowMs: () => number
  readonly #say: (failure: BackgroundFailure) => void
  #lastAtMs = Number.NEGATIVE_INFINITY

  /** `nowMs` is monotonic. */
  constructor(nowMs: () => number, say: (failure: BackgroundFailure) => void) {
    this.#nowMs = nowMs
    this.#say = say
  }

  get lastAtMs(): number {
    return this.#lastAtMs
  }

  readonly hear = (failure: BackgroundFailure): void => {
    this.#lastAtMs = this.#nowMs()
    this.counter.add({})
    this.#say(failure)
  }
}
