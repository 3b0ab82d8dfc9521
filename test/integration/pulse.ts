/** How soon a server answers, all the time: what it does not answer in time to anybody is no verdict on one client. */
export class Pulse {
  readonly #beat: () => Promise<unknown>
  readonly #answers: { readonly endedAt: number; readonly ms: number }[] = []
  readonly #everyMs: number
  #sentAt: number | undefined
  #timer: NodeJS.Timeout | undefined
  #closed = false

  /** One beat at a time, the next so long after the answer to the last. */
  constructor(beat: () => Promise<unknown>, everyMs = 200) {
    this.#beat = beat
    this.#everyMs = everyMs
    void this.#run()
  }

  /** Of the answers that came at `since` or later, and of the one that is waited for. */
  slowestMs(since: number): number {
    const waited = this.#sentAt === undefined ? 0 : performance.now() - this.#sentAt
    return Math.max(waited, ...this.#answers.filter(({ endedAt }) => endedAt >= since).map(({ ms }) => ms))
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  async #run(): Promise<void> {
    const sentAt = performance.now()
    this.#sentAt = sentAt
    await this.#beat().catch(() => undefined)
    this.#sentAt = undefined
    const endedAt = performance.now()
    this.#answers.push({ endedAt, ms: endedAt - sentAt })
    if (this.#answers.length > 5000) this.#answers.shift()
    if (!this.#closed) this.#timer = setTimeout(() => void this.#run(), this.#everyMs)
  }
}
