/** How late the event loop of this process is: a timer that fires late tells by how much. */

export interface LoopLagOptions {
  readonly everyMs: number
  /** Monotonic. */
  readonly nowMs: () => number
  /** @default setInterval, which keeps no process alive */
  readonly every?: (run: () => void, everyMs: number) => { stop(): void }
}

/** As many beats are remembered. One that is late says little; several in a row say that this process gets no time. */
const beats = 3

export class LoopLag {
  readonly #options: LoopLagOptions
  readonly #timer: { stop(): void }
  #dueMs: number
  #recent: readonly number[] = []

  constructor(options: LoopLagOptions) {
    this.#options = options
    this.#dueMs = options.nowMs() + options.everyMs
    this.#timer = (options.every ?? unreferenced)(() => this.#beat(), options.everyMs)
  }

  /** How late every one of the last beats was at least, in ms; 0 before there were enough of them. */
  get sustainedMs(): number {
    return this.#recent.length < beats ? 0 : Math.min(...this.#recent)
  }

  /** How late the latest of the last beats was. */
  get worstMs(): number {
    return Math.max(0, ...this.#recent)
  }

  stop(): void {
    this.#timer.stop()
  }

  #beat(): void {
    const nowMs = this.#options.nowMs()
    this.#recent = [...this.#recent, Math.max(0, nowMs - this.#dueMs)].slice(-beats)
    this.#dueMs = nowMs + this.#options.everyMs
  }
}

function unreferenced(run: () => void, everyMs: number): { stop(): void } {
  const timer = setInterval(run, everyMs).unref()
  return { stop: () => clearInterval(timer) }
}
