/** What is still to be sent on a stream: pushed by us, pulled by the gRPC library. */
export class Outgoing<T> implements AsyncIterable<T> {
  readonly #waiting: T[] = []
  #wake: (() => void) | undefined
  #ended = false

  push(message: T): void {
    this.#waiting.push(message)
    this.#wake?.()
  }

  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    while (!this.#ended) {
      const next = this.#waiting.shift()
      if (next !== undefined) yield next
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}
