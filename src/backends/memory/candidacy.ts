import type { Cancellable, Candidacy, CandidacyEvents, Metadata, OperatorWish, Renewal } from '../backend.ts'
import type { Answer, MemoryRequest } from './messages.ts'

type Question = Extract<MemoryRequest, { type: 'leave' | 'transfer' | 'proclaim' }>
type Ask = (
  question: Question extends infer Q ? (Q extends unknown ? Omit<Q, 'number'> : never) : never,
  o: Cancellable,
) => Promise<Answer | 'unknown'>

type Phase =
  | { readonly is: 'waiting' }
  /** Granted, but the lease it stands on must be renewed before anybody may hear of it. */
  | { readonly is: 'granted'; readonly token: bigint }
  | { readonly is: 'holding' }
  | { readonly is: 'over' }

/** One candidacy of a memory session: keeps the order in which its owner may be told. */
export class MemoryCandidacy implements Candidacy {
  readonly #number: number
  readonly #on: CandidacyEvents
  readonly #ask: Ask
  #phase: Phase = { is: 'waiting' }
  /** Heard of before the win. */
  #wish: OperatorWish | undefined
  #left: Promise<'left' | 'was-not-holder' | 'unknown'> | undefined

  constructor(number: number, on: CandidacyEvents, ask: Ask) {
    this.#number = number
    this.#on = on
    this.#ask = ask
  }

  get holds(): boolean {
    return this.#phase.is === 'holding'
  }

  leave(o: Cancellable): Promise<'left' | 'was-not-holder' | 'unknown'> {
    if (this.#left !== undefined) return this.#left
    const over = this.#phase.is === 'over'
    this.#phase = { is: 'over' }
    this.#left = over
      ? Promise.resolve('was-not-holder')
      : this.#ask({ type: 'leave', candidacy: this.#number }, o).then((is) =>
          is === 'left' || is === 'unknown' ? is : 'was-not-holder',
        )
    return this.#left
  }

  async transfer(to: string, o: Cancellable): Promise<'done' | 'refused' | 'unknown'> {
    if (this.#phase.is !== 'holding') return 'refused'
    const is = await this.#ask({ type: 'transfer', candidacy: this.#number, to }, o)
    return is === 'done' || is === 'unknown' ? is : 'refused'
  }

  async proclaim(metadata: Metadata, o: Cancellable): Promise<'done' | 'was-not-holder' | 'unknown'> {
    if (this.#phase.is !== 'holding') return 'was-not-holder'
    const is = await this.#ask({ type: 'proclaim', candidacy: this.#number, metadata }, o)
    return is === 'done' || is === 'unknown' ? is : 'was-not-holder'
  }

  wait(ahead: number): void {
    if (this.#phase.is === 'waiting') this.#on.waiting(ahead)
  }

  grant(token: bigint): void {
    if (this.#phase.is === 'waiting') this.#phase = { is: 'granted', token }
  }

  winIfGranted(renewal: Renewal): void {
    if (this.#phase.is !== 'granted') return
    const { token } = this.#phase
    this.#phase = { is: 'holding' }
    this.#on.won({ token, renewal })
    if (this.#wish !== undefined) this.ask(this.#wish)
  }

  ask(wish: OperatorWish): void {
    if (this.#phase.is === 'holding') this.#on.asked?.(wish)
    else this.#wish = wish
  }

  renew(renewal: Renewal): void {
    if (this.#phase.is === 'holding') this.#on.renewed(renewal)
  }

  end(end: Parameters<CandidacyEvents['ended']>[0]): void {
    if (this.#phase.is === 'over') return
    this.#phase = { is: 'over' }
    this.#on.ended(end)
  }
}
