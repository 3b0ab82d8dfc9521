/** The clock of one machine: a straight line on true time, shown in steps. */
export class CoreClock {
  readonly #now: () => number
  readonly #rate: number
  readonly #offsetMs: number
  readonly #tickMs: number

  constructor(
    now: () => number,
    options: { readonly rate: number; readonly offsetMs: number; readonly tickMs: number },
  ) {
    this.#now = now
    this.#rate = options.rate
    this.#offsetMs = options.offsetMs
    this.#tickMs = options.tickMs
  }

  read(): number {
    const exact = this.#offsetMs + this.#now() * this.#rate
    return this.#tickMs === 0 ? exact : Math.floor(exact / this.#tickMs) * this.#tickMs
  }

  /** True time after so many ms of its own. */
  after(delayMs: number): number {
    return this.#now() + delayMs / this.#rate
  }
}
