/** Holds one value for a reader who comes when he likes; a newer value takes the place of an older one. */
export class Mailbox<T> {
  readonly #readers: {
    readonly resolve: (result: IteratorResult<T, undefined>) => void
    readonly reject: (error: unknown) => void
  }[] = []
  #value: { readonly value: T } | undefined
  #failure: { readonly error: unknown } | undefined
  #ended = false

  put(value: T): void {
    if (this.#ended) return
    const reader = this.#readers.shift()
    if (reader === undefined) this.#value = { value }
    else reader.resolve({ done: false, value })
  }

  /** What was put and not read is dropped: whoever ends it wants no more. */
  end(): void {
    this.#ended = true
    this.#value = undefined
    for (const reader of this.#readers.splice(0)) reader.resolve({ done: true, value: undefined })
  }

  /** The first to read gets the error, everybody after that the end. */
  fail(error: unknown): void {
    if (this.#ended) return
    const reader = this.#readers.shift()
    if (reader === undefined) this.#failure = { error }
    else reader.reject(error)
    this.end()
  }

  async take(): Promise<IteratorResult<T, undefined>> {
    if (this.#failure !== undefined) {
      const { error } = this.#failure
      this.#failure = undefined
      throw error
    }
    if (this.#value !== undefined) {
      const { value } = this.#value
      this.#value = undefined
      return { done: false, value }
    }
    if (this.#ended) return { done: true, value: undefined }
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }))
  }
}
