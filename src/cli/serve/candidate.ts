/**
 * The candidate that `serve` stands with. Its work is to answer: while it leads, whoever asks is told so, and for how
 * long that may be acted upon.
 */
import type { Leadership } from '../../election/leadership.ts'
import type { Clock } from '../../seams/clock.ts'

/** That this candidate leads, at the instant at which it was asked. */
export interface Permit {
  readonly token: bigint
  readonly tokenScope: string
  /** From when the question was sent. Nobody else leads before. */
  readonly validForMs: number
}

export interface CandidateOptions {
  readonly id: string
  /** The longest permit. */
  readonly validForMs: number
  /** Bounds the rate of the clocks of those who ask. */
  readonly maxClockDrift: number
  readonly clock: Pick<Clock, 'lower' | 'setTimer'>
  /** Called after each change of `leads`. */
  readonly changed: (event: LeadershipEvent) => void
}

export type LeadershipEvent =
  | { readonly is: 'elected'; readonly token: bigint }
  | { readonly is: 'lost'; readonly token: bigint; readonly reason: string }

export class ServedCandidate {
  readonly id: string
  readonly #options: CandidateOptions
  /** Those who ask count by clocks of their own; each of the two may be off by the drift. */
  readonly #drift: number
  #leadership: Leadership | undefined
  #stopping = false
  /** The end of the last permit. */
  #permittedUntilMs = Number.NEGATIVE_INFINITY

  constructor(options: CandidateOptions) {
    this.id = options.id
    this.#options = options
    this.#drift = 2 * options.maxClockDrift
  }

  /**
   * Asked for each answer, in the very turn that writes it: compares the deadline with the clock, whatever the timers
   * did or did not do.
   */
  permit(): Permit | undefined {
    const leadership = this.#leadership
    if (leadership === undefined || this.#stopping || !leadership.isValid()) return undefined
    const { clock, validForMs: mostMs } = this.#options
    const validForMs = Math.floor(Math.min(leadership.remainingMs() * (1 - this.#drift), mostMs))
    if (validForMs <= 0) return undefined
    const { token, tokenScope } = leadership
    this.#permittedUntilMs = Math.max(this.#permittedUntilMs, clock.lower() + validForMs)
    return { token, tokenScope, validForMs }
  }

  /** The token it leads with, for those who only want to know. */
  leads(): bigint | undefined {
    const leadership = this.#leadership
    return leadership !== undefined && !this.#stopping && leadership.isValid() ? leadership.token : undefined
  }

  /** Of the leadership that was won last; '' before the first. */
  get tokenScope(): string {
    return this.#leadership?.tokenScope ?? ''
  }

  /** 0 when it does not lead. */
  remainingMs(): number {
    return this.leads() === undefined ? 0 : (this.#leadership?.remainingMs() ?? 0)
  }

  /** From now on it answers that it does not lead, whatever it holds. */
  stopAnswering(): void {
    this.#stopping = true
  }

  /**
   * The work of `lead()`: settles when the leadership is over and nobody may act upon an answer any more. Until then
   * the lease is kept, so that no successor leads beside somebody who was told a moment ago that it may act.
   */
  readonly work = async (leadership: Leadership): Promise<never> => {
    const { token } = leadership
    this.#leadership = leadership
    this.#options.changed({ is: 'elected', token })
    const reason = await leadership.lost
    this.#options.changed({ is: 'lost', token, reason })
    await this.#permitsEnd()
    throw leadership.signal.reason
  }

  async #permitsEnd(): Promise<void> {
    const { clock } = this.#options
    const leftMs = this.#permittedUntilMs - clock.lower()
    if (leftMs <= 0) return
    await new Promise<void>((resolve) => void clock.setTimer(leftMs * (1 + this.#drift) + 1, resolve))
  }
}
