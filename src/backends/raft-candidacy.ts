/** One candidacy of a session of an embedded cluster, from the request in the log to the last event. */
import type { OperatorAnswer } from '../cluster/operator-desk.ts'
import type { Answer, Letter } from '../cluster/outbox.ts'
import { MandateError } from '../errors.ts'
import type { Timer } from '../seams/clock.ts'
import type { FreedReason, RequestResult, SessionRequest as Request } from '../registry/types.ts'
import type {
  Cancellable,
  Candidacy,
  CandidacyEvents,
  CandidacyRequest,
  LossReason,
  Metadata,
  OperatorRequest,
  Renewal,
} from './backend.ts'

export interface CandidacyDuties {
  ask(request: Request, answer: Answer): Letter
  /** After so long whatever was asked for is over by expiry: nobody waits longer for an answer. */
  afterLease(run: () => void): Timer
  /** The session's newest renewal if it has not run out. */
  renewal(): Renewal | null
  /** Granted, but without such a renewal: to be told by `supported` when there is one. */
  unsupported(): void
  /** Called when it was granted, and when that is over. */
  holds(holds: boolean): void
  /** This candidacy is over for the session. */
  gone(): void
}

type State =
  /** The campaign is on its way to the log: a grant that comes now belongs to an earlier candidacy. */
  | { readonly is: 'asking'; readonly letter: Letter }
  | { readonly is: 'waiting' }
  /** Granted by the log, but no majority supports the session yet. */
  | { readonly is: 'granted'; readonly token: bigint }
  | { readonly is: 'held'; readonly token: bigint }
  | { readonly is: 'over' }

export class RaftCandidacy implements Candidacy {
  readonly #request: CandidacyRequest
  readonly #on: CandidacyEvents
  readonly #duties: CandidacyDuties
  #state: State = { is: 'waiting' }

  constructor(request: CandidacyRequest, on: CandidacyEvents, duties: CandidacyDuties) {
    this.#request = request
    this.#on = on
    this.#duties = duties
  }

  /** Asks to be queued; again after the session was lost. */
  campaign(): void {
    const { election, exclusivity, priority, metadata } = this.#request
    const letter = this.#duties.ask(
      { type: 'campaign', election, exclusivity, priority, metadata },
      (result) => this.#asked(result),
    )
    this.#become({ is: 'asking', letter })
  }

  #asked(result: RequestResult | null): void {
    if (this.#state.is !== 'asking' || result === null) return
    switch (result.is) {
      case 'queued':
        this.#become({ is: 'waiting' })
        this.#on.waiting(result.ahead)
        return
      case 'refused':
        this.end('refused', refusal(this.#request, result))
        return
      case 'done':
      case 'was-not-holder':
      case 'no-such-candidate':
        this.end(
          'refused',
          new MandateError('INTERNAL', `A campaign was answered ${result.is}.`, { reason: result.is }),
        )
        return
      default:
        result satisfies never
    }
  }

  // ---- what the session hears -----------------------------------------------------------------------------------

  waiting(ahead: number): void {
    if (this.#state.is === 'waiting') this.#on.waiting(ahead)
  }

  granted(token: bigint): void {
    if (this.#state.is !== 'waiting') return
    this.#become({ is: 'granted', token })
    this.#win()
  }

  renewed(renewal: Renewal): void {
    if (this.#state.is === 'held') this.#on.renewed(renewal)
  }

  supported(): void {
    this.#win()
  }

  freed(token: bigint, reason: FreedReason): void {
    const state = this.#state
    if ((state.is !== 'held' && state.is !== 'granted') || state.token !== token) return
    if (state.is === 'held') this.end(lossReason(reason))
    // Never told that it won: it goes on standing.
    else this.campaign()
  }

  /**
   * After a change of sponsor: `held` is the token that the log says this session holds, null for none; `waits`, whether
   * the session stands in the queue.
   */
  reconcile(held: bigint | null, waits: boolean): void {
    const state = this.#state
    if (state.is === 'waiting') {
      if (held !== null) this.granted(held)
      // Granted and taken away again, or taken out of the queue, while nobody could tell it.
      else if (!waits) this.campaign()
    } else if ((state.is === 'held' || state.is === 'granted') && state.token !== held) {
      this.freed(state.token, 'suspected')
    }
  }

  /** The session was silent for its lease; a waiting candidacy goes on in the next one. */
  sessionExpired(cause: unknown): void {
    if (this.#state.is === 'held') this.end('expired', cause)
    else if (this.#state.is !== 'over') this.campaign()
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
    const { token } = this.#state
    this.#become({ is: 'held', token })
    this.#on.won({ token, renewal })
  }

  #become(state: State): void {
    const held = holds(this.#state)
    this.#state = state
    if (holds(state) !== held) this.#duties.holds(!held)
  }

  #over(): void {
    this.#become({ is: 'over' })
    this.#duties.gone()
  }

  // ---- what its owner asks --------------------------------------------------------------------------------------

  async leave({ signal }: Cancellable): Promise<'left' | 'was-not-holder' | 'unknown'> {
    const state = this.#state
    if (state.is === 'over') return 'was-not-holder'
    this.#over()
    if (state.is === 'asking' && state.letter.cancel()) return 'left'
    // `leave` also releases a grant whose news has not come yet: a cancelled campaign never wins later.
    const result = await this.#ask({ type: 'leave', election: this.#request.election }, signal)
    if (result === 'unanswered') return 'unknown'
    // The session ended meanwhile, and everything it had with it.
    if (result === null) return 'left'
    return result.is === 'was-not-holder' ? 'was-not-holder' : 'left'
  }

  /** An operator asks for the end of the leadership with this token; null: it is none of this candidacy, or not known. */
  async asked({ token, to }: OperatorRequest): Promise<OperatorAnswer | null> {
    if (!this.#leads(token)) return null
    if (to !== null) {
      const { election } = this.#request
      const checked = await this.#ask({ type: 'check-transfer', election, token, to }, undefined)
      if (checked === 'unanswered' || checked === null) return null
      if (checked.is === 'no-such-candidate') return 'no-such-candidate'
      if (checked.is !== 'done' || !this.#leads(token)) return null
    }
    if (this.#on.asked === undefined) return null
    this.#on.asked({ to })
    return 'told'
  }

  #leads(token: bigint): boolean {
    return this.#state.is === 'held' && this.#state.token === token
  }

  async transfer(to: string, { signal }: Cancellable): Promise<'done' | 'refused' | 'unknown'> {
    if (this.#state.is !== 'held') return 'refused'
    const { token } = this.#state
    const { election } = this.#request
    const checked = await this.#ask({ type: 'check-transfer', election, token, to }, signal)
    // Unanswered changes nothing either: the question alone moves no grant.
    if (checked === 'unanswered' || checked?.is !== 'done') return 'refused'
    // The log names the successor with the very entry that releases: this one must have stopped before it is written.
    this.end('transferred')
    const transferred = this.#ask({ type: 'transfer', election, token, to }, signal)
    // If the target left meanwhile, the next in the queue takes over, for this one has stopped. Asked at once: a campaign
    // that its owner begins now must stand behind the release, or it would be that of a holder and change nothing.
    const released = this.#ask({ type: 'release', election, token }, signal)
    const result = await transferred
    if (result === 'unanswered') return 'unknown'
    if (result === null || result.is === 'done') return 'done'
    await released
    return 'unknown'
  }

  async proclaim(
    metadata: Metadata,
    { signal }: Cancellable,
  ): Promise<'done' | 'was-not-holder' | 'unknown'> {
    if (this.#state.is !== 'held') return 'was-not-holder'
    const { token } = this.#state
    const result = await this.#ask(
      { type: 'proclaim', election: this.#request.election, token, metadata },
      signal,
    )
    if (result === 'unanswered') return 'unknown'
    if (result?.is === 'refused') throw refusal(this.#request, result)
    return result?.is === 'done' ? 'done' : 'was-not-holder'
  }

  #ask(request: Request, signal: AbortSignal | undefined): Promise<RequestResult | null | 'unanswered'> {
    return new Promise((resolve) => {
      const settle = (outcome: RequestResult | null | 'unanswered'): void => {
        signal?.removeEventListener('abort', onAbort)
        patience.cancel()
        resolve(outcome)
      }
      const onAbort = (): void => settle('unanswered')
      const patience = this.#duties.afterLease(onAbort)
      signal?.addEventListener('abort', onAbort, { once: true })
      // Sent even if already aborted: `unknown` promises no more than that, and less would keep the grant.
      this.#duties.ask(request, settle)
      if (signal?.aborted === true) onAbort()
    })
  }
}

function holds(state: State): boolean {
  return state.is === 'granted' || state.is === 'held'
}

function lossReason(reason: FreedReason): LossReason {
  switch (reason) {
    case 'released':
      return 'resigned'
    case 'transferred':
      return 'transferred'
    case 'expired':
      return 'expired'
    case 'suspected':
      return 'superseded'
    case 'closed':
      // By `releaseSession` of another process. The session opens anew by itself, so it is not lost.
      return 'revoked'
  }
}

function refusal(request: CandidacyRequest, result: Extract<RequestResult, { is: 'refused' }>): MandateError {
  if (result.code === 'INVALID_OPTIONS') {
    return new MandateError('INVALID_OPTIONS', result.message, {
      option: 'exclusivity',
      value: request.exclusivity,
      ...(result.expected === undefined ? {} : { expected: result.expected }),
    })
  }
  return new MandateError(result.code, result.message, { id: request.election })
}
