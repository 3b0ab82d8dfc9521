/** One candidacy of a session of a bully cluster, from the first question to the last event. */
import { MandateError } from '../../errors.ts'
import type { Timer } from '../../seams/clock.ts'
import type {
  Cancellable,
  Candidacy,
  CandidacyEvents,
  CandidacyRequest,
  LossReason,
  Metadata,
  Renewal,
} from '../backend.ts'
import type { BullyReply, BullyRequest } from './words.ts'

/** What was asked for, as the peer answers it; null: aborted, or no answer for a lease, or the session ended. */
export type Outcome = 'known' | 'not-holder' | 'stands' | 'absent' | null

export interface BullyCandidacyDuties {
  readonly tokenBase: bigint
  /** Tells one candidacy, or question, of the session from all others. */
  nextTag(): number
  ask(request: BullyRequest): void
  /** Settles with the answer that carries the tag. */
  answer(tag: number, settle: (outcome: Outcome) => void): void
  /** Nobody waits for it any more. */
  forget(tag: number): void
  /** After so long whatever was asked for is over by expiry: nobody waits longer for an answer. */
  afterLease(run: () => void): Timer
  /** The session's newest renewal if it has not run out. */
  renewal(): Renewal | null
  /** Granted, but without such a renewal: to be told by `supported` when there is one. */
  unsupported(): void
  /** This candidacy is over for the session. */
  gone(): void
}

type State =
  /** The session is not open yet. */
  | { readonly is: 'idle' }
  | { readonly is: 'waiting'; readonly tag: number }
  /** A majority voted for it, and the session's support has run out meanwhile. */
  | { readonly is: 'granted'; readonly epoch: number }
  | { readonly is: 'held'; readonly epoch: number }
  | { readonly is: 'over' }

type Concerning = Extract<BullyReply, { type: 'granted' | 'waiting' | 'refused' | 'superseded' }>

export class BullyCandidacy implements Candidacy {
  readonly #request: CandidacyRequest
  readonly #on: CandidacyEvents
  readonly #duties: BullyCandidacyDuties
  #state: State = { is: 'idle' }

  constructor(request: CandidacyRequest, on: CandidacyEvents, duties: BullyCandidacyDuties) {
    this.#request = request
    this.#on = on
    this.#duties = duties
  }

  /** The session is open. */
  begin(): void {
    if (this.#state.is !== 'idle') return
    const tag = this.#duties.nextTag()
    this.#state = { is: 'waiting', tag }
    const { election, exclusivity, priority, metadata } = this.#request
    this.#duties.ask({ type: 'campaign', election, exclusivity, priority, metadata, tag })
  }

  concerning(reply: Concerning): void {
    switch (reply.type) {
      case 'waiting':
        if (this.#state.is === 'waiting') this.#on.waiting(reply.ahead)
        return
      case 'granted':
        // With another tag it belongs to an earlier candidacy, which has given it back.
        if (this.#state.is !== 'waiting' || this.#state.tag !== reply.tag) return
        this.#state = { is: 'granted', epoch: reply.epoch }
        this.#win()
        return
      case 'superseded':
        if (
          (this.#state.is === 'held' || this.#state.is === 'granted') &&
          this.#state.epoch === reply.epoch
        ) {
          this.#giveBack()
          this.end('superseded')
        }
        return
      case 'refused':
        this.end('refused', otherExclusivity(this.#request))
        return
      default:
        reply satisfies never
    }
  }

  renewed(renewal: Renewal): void {
    if (this.#state.is === 'held') this.#on.renewed(renewal)
  }

  supported(): void {
    this.#win()
  }

  /** The session ended; a candidacy that did not lead goes on in the next one. */
  sessionEnded(cause: unknown): void {
    if (this.#state.is === 'held') this.end('expired', cause)
    else if (this.#state.is !== 'over') this.#state = { is: 'idle' }
  }

  end(reason: LossReason, cause?: unknown): void {
    if (this.#state.is === 'over') return
    this.#over()
    this.#on.ended(cause === undefined ? { reason } : { reason, cause })
  }

  #win(): void {
    if (this.#state.is !== 'granted') return
    const renewal = this.#duties.renewal()
    if (renewal === null) return this.#duties.unsupported()
    const { epoch } = this.#state
    this.#state = { is: 'held', epoch }
    this.#on.won({ token: this.#duties.tokenBase + BigInt(epoch), renewal })
  }

  #over(): void {
    this.#state = { is: 'over' }
    this.#duties.gone()
  }

  #giveBack(): void {
    const { election } = this.#request
    this.#duties.ask({ type: 'leave', election, heir: null, tag: this.#duties.nextTag() })
  }

  // ---- what its owner asks --------------------------------------------------------------------------------------

  async leave({ signal }: Cancellable): Promise<'left' | 'was-not-holder' | 'unknown'> {
    const before = this.#state.is
    if (before === 'over') return 'was-not-holder'
    this.#over()
    if (before === 'idle') return 'left'
    // Also gives back a win whose news has not come yet: a cancelled campaign never wins later.
    const outcome = await this.#leave(null, signal)
    return outcome === null ? 'unknown' : 'left'
  }

  async transfer(to: string, { signal }: Cancellable): Promise<'done' | 'refused' | 'unknown'> {
    if (this.#state.is !== 'held') return 'refused'
    const { epoch } = this.#state
    const { election } = this.#request
    const sought = await this.#asked(signal, (tag) => ({ type: 'seek', election, to, tag }))
    if (sought !== 'stands' || !this.#holds(epoch)) return 'refused'
    // The successor is named with the very word that releases: this one must have stopped before.
    this.end('transferred')
    return (await this.#leave(to, signal)) === null ? 'unknown' : 'done'
  }

  async proclaim(
    metadata: Metadata,
    { signal }: Cancellable,
  ): Promise<'done' | 'was-not-holder' | 'unknown'> {
    if (this.#state.is !== 'held') return 'was-not-holder'
    const { election } = this.#request
    const outcome = await this.#asked(signal, (tag) => ({ type: 'proclaim', election, metadata, tag }))
    if (outcome === null) return 'unknown'
    return outcome === 'known' ? 'done' : 'was-not-holder'
  }

  #holds(epoch: number): boolean {
    return this.#state.is === 'held' && this.#state.epoch === epoch
  }

  #leave(heir: string | null, signal: AbortSignal | undefined): Promise<Outcome> {
    const { election } = this.#request
    return this.#asked(signal, (tag) => ({ type: 'leave', election, heir, tag }))
  }

  #asked(signal: AbortSignal | undefined, requestOf: (tag: number) => BullyRequest): Promise<Outcome> {
    return new Promise((resolve) => {
      const tag = this.#duties.nextTag()
      const settle = (outcome: Outcome): void => {
        signal?.removeEventListener('abort', onAbort)
        patience.cancel()
        this.#duties.forget(tag)
        resolve(outcome)
      }
      const onAbort = (): void => settle(null)
      const patience = this.#duties.afterLease(onAbort)
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#duties.answer(tag, settle)
      // Sent even if already aborted: `unknown` promises no more than that, and less would keep the grant.
      this.#duties.ask(requestOf(tag))
      if (signal?.aborted === true) onAbort()
    })
  }
}

function otherExclusivity({ election, exclusivity }: CandidacyRequest): MandateError {
  const theirs = exclusivity === 'time' ? 'token' : 'time'
  return new MandateError(
    'INVALID_OPTIONS',
    `Election ${JSON.stringify(election)} has exclusivity '${theirs}', this candidate asked for '${exclusivity}'. ` +
      'Give all candidates of one election the same exclusivity.',
    { option: 'exclusivity', value: exclusivity, expected: theirs },
  )
}
