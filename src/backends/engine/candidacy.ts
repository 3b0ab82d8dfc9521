/** One candidacy of a session of an engine without a log, from the first question to the last event. */
import type { OperatorAnswer } from '../../cluster/operator-desk.ts'
import type {
  Cancellable,
  Candidacy,
  CandidacyEvents,
  CandidacyRequest,
  Exclusivity,
  LossReason,
  Metadata,
  OperatorRequest,
  Renewal,
} from '../backend.ts'
import { otherExclusivity } from '../embedded-refusals.ts'

/** What one candidacy has its engine say. The waits end when nobody answers for a lease, or by their signal. */
export interface CandidacyProtocol {
  campaign(): void
  /** Gives up what is held, or may be granted yet; false: nobody said that it is known. */
  leave(heir: string | null, signal: AbortSignal | undefined): Promise<boolean>
  /** Whether this candidate stands, and may be named as heir; null: nobody said. One question at a time. */
  stands(candidate: string, signal: AbortSignal | undefined): Promise<boolean | null>
  proclaim(
    metadata: Metadata,
    signal: AbortSignal | undefined,
  ): Promise<'done' | 'was-not-holder' | 'unknown'>
  /** The candidacy is over for the session. */
  over(): void
}

export interface CandidacyDuties {
  readonly tokenBase: bigint
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
  | { readonly is: 'waiting' }
  /** Won, but the session's support has run out meanwhile. */
  | { readonly is: 'granted'; readonly token: number }
  | { readonly is: 'held'; readonly token: number }
  | { readonly is: 'over' }

export class EngineCandidacy implements Candidacy {
  readonly #request: CandidacyRequest
  readonly #on: CandidacyEvents
  readonly #protocol: CandidacyProtocol
  readonly #duties: CandidacyDuties
  #state: State = { is: 'idle' }
  /** Settles with the last question about who stands. */
  #sought: Promise<unknown> = Promise.resolve()

  constructor(
    request: CandidacyRequest,
    on: CandidacyEvents,
    { protocol, duties }: { readonly protocol: CandidacyProtocol; readonly duties: CandidacyDuties },
  ) {
    this.#request = request
    this.#on = on
    this.#protocol = protocol
    this.#duties = duties
  }

  /** Without the base; null: nothing was granted, or it is gone again. */
  get token(): number | null {
    return this.#state.is === 'held' || this.#state.is === 'granted' ? this.#state.token : null
  }

  // ---- what the session hears -----------------------------------------------------------------------------------

  /** The session is open. */
  begin(): void {
    if (this.#state.is !== 'idle') return
    this.#state = { is: 'waiting' }
    this.#protocol.campaign()
  }

  waiting(ahead: number): void {
    if (this.#state.is === 'waiting') this.#on.waiting(ahead)
  }

  granted(token: number): void {
    if (this.#state.is !== 'waiting') return
    this.#state = { is: 'granted', token }
    this.#win()
  }

  /** Advisory: the same leadership, with a higher rank. */
  rose(token: number): void {
    if (this.#state.is !== 'held' && this.#state.is !== 'granted') return
    this.#state = { ...this.#state, token }
    if (this.#state.is === 'held') this.#on.rose?.(this.#duties.tokenBase + BigInt(token))
  }

  /** Who was never told that it won has nothing to lose: it may begin again. */
  lost(reason: LossReason, cause?: unknown): void {
    if (this.#state.is === 'held') this.end(reason, cause)
    else if (this.#state.is !== 'over') this.#state = { is: 'idle' }
  }

  /** The election has the other exclusivity. */
  refused(theirs: Exclusivity): void {
    this.end('refused', otherExclusivity(this.#request, theirs))
  }

  renewed(renewal: Renewal): void {
    if (this.#state.is === 'held') this.#on.renewed(renewal)
  }

  supported(): void {
    this.#win()
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
    this.#state = { is: 'held', token }
    this.#on.won({ token: this.#duties.tokenBase + BigInt(token), renewal })
  }

  #over(): void {
    this.#state = { is: 'over' }
    this.#duties.gone()
    this.#protocol.over()
  }

  // ---- what its owner asks --------------------------------------------------------------------------------------

  async leave({ signal }: Cancellable): Promise<'left' | 'was-not-holder' | 'unknown'> {
    const before = this.#state.is
    if (before === 'over') return 'was-not-holder'
    this.#over()
    if (before === 'idle') return 'left'
    // Also gives back a win whose news has not come yet: a cancelled campaign never wins later.
    return (await this.#protocol.leave(null, signal)) ? 'left' : 'unknown'
  }

  /** An operator asks for the end of the leadership with this token; null: it is none of this candidacy, or not known. */
  async asked({ token, to }: OperatorRequest): Promise<OperatorAnswer | null> {
    if (!this.#leads(token)) return null
    if (to !== null) {
      const stands = await this.#stands(to, undefined)
      if (stands === null || !this.#leads(token)) return null
      if (!stands) return 'no-such-candidate'
    }
    if (this.#on.asked === undefined) return null
    this.#on.asked({ to })
    return 'told'
  }

  #leads(token: bigint): boolean {
    return this.#state.is === 'held' && this.#duties.tokenBase + BigInt(this.#state.token) === token
  }

  /** In turn: an operator may ask for one candidate while its owner hands over to another. */
  #stands(candidate: string, signal: AbortSignal | undefined): Promise<boolean | null> {
    const sought = this.#sought.then(() => (this.#isHeld ? this.#protocol.stands(candidate, signal) : null))
    this.#sought = sought
    return sought
  }

  async transfer(to: string, { signal }: Cancellable): Promise<'done' | 'refused' | 'unknown'> {
    if ((await this.#stands(to, signal)) !== true || !this.#isHeld) return 'refused'
    // The heir may lead with the very word that releases: this one must have stopped before it is sent.
    this.end('transferred')
    return (await this.#protocol.leave(to, signal)) ? 'done' : 'unknown'
  }

  async proclaim(
    metadata: Metadata,
    { signal }: Cancellable,
  ): Promise<'done' | 'was-not-holder' | 'unknown'> {
    return this.#isHeld ? this.#protocol.proclaim(metadata, signal) : 'was-not-holder'
  }

  get #isHeld(): boolean {
    return this.#state.is === 'held'
  }
}
