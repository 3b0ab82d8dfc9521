/** What one candidate of the bare cores was granted and told, on the support of its session: the deadline is its own to watch. */
import { holderValidityMs } from '../../lease/deadline.ts'
import type { Timing } from '../../lease/timing.ts'
import { supportedSince, type Holder } from '../../protocols/support/holder.ts'
import type { CandidatePlan } from '../core/core-plan.ts'
import type { Stream } from '../streams.ts'

interface TenureWorld {
  readonly timing: Timing
  readonly chance: Stream
  /** By the process's clock. */
  now(): number
  /** Ends with the process. */
  after(delayMs: number, act: () => void): void
}

interface TenureNews {
  elected(): void
  lost(): void
  /** It has led for as long as its plan has it. */
  resign(): void
}

export class Tenure<Token> {
  readonly #plan: CandidatePlan
  readonly #world: TenureWorld
  readonly #news: TenureNews
  readonly #validityMs: number
  #token: Token | null = null
  /** Of the session; null: it has none. */
  holder: Holder<number> | null = null
  /** The token of a grant that it has heard of and did not give back. */
  granted: Token | null = null

  constructor(plan: CandidatePlan, world: TenureWorld, news: TenureNews) {
    this.#plan = plan
    this.#world = world
    this.#news = news
    this.#validityMs = holderValidityMs(world.timing.leaseMs, world.timing)
  }

  /** Of the leadership that it was told of and did not lose; null = none. */
  get token(): Token | null {
    return this.#token
  }

  /** By the process's own clock; changes nothing. */
  get isValid(): boolean {
    return this.#token !== null && this.isSupported
  }

  get isSupported(): boolean {
    const since = this.holder === null ? null : supportedSince(this.holder)
    return since !== null && this.#world.now() - since < this.#validityMs
  }

  /** A grant is a leadership only while the session is supported. */
  lead(): void {
    if (this.granted === null || this.#token !== null || !this.isSupported) return
    const token = this.granted
    this.#token = token
    this.#news.elected()
    const { holdsMs } = this.#plan
    if (holdsMs === null) return
    this.#world.after(this.#world.chance.between(...holdsMs), () => {
      if (this.#token === token) this.#news.resign()
    })
  }

  lose(): void {
    const led = this.#token !== null
    this.#token = null
    this.granted = null
    if (led) this.#news.lost()
  }

  /** Between a loss and the next campaign; the first time for a part of it. */
  rest(part: number, stand: () => void): void {
    const [least, most] = this.#plan.restsMs
    this.#world.after(this.#world.chance.between(least, most) * part, stand)
  }
}
