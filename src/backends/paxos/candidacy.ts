/** One candidacy of a session of a Paxos cluster, from the first ballot to the last event. */
import { MandateError } from '../../errors.ts'
import type { ProposerEffect } from '../../protocols/paxos/proposer/proposer.ts'
import type { Timer } from '../../seams/clock.ts'
import type {
  Cancellable,
  Candidacy,
  CandidacyEvents,
  CandidacyRequest,
  Exclusivity,
  LossReason,
  Metadata,
  Renewal,
} from '../backend.ts'

export interface PaxosCandidacyDuties {
  readonly tokenBase: bigint
  campaign(): void
  /** Gives it up; settles once a majority knows, false when nobody says so for a lease, or `signal` aborts. */
  leave(to: string | null, signal: AbortSignal | undefined): Promise<boolean>
  seek(to: string): void
  /** The revision that stands for the metadata; null: nothing is held. */
  proclaim(metadata: Metadata): number | null
  /** After so long whatever was asked for is over by expiry: nobody waits longer for an answer. */
  afterLease(run: () => void): Timer
  /** The session's newest renewal if it has not run out. */
  renewal(): Renewal | null
  /** Won, but without such a renewal: to be told by `supported` when there is one. */
  unsupported(): void
  /** This candidacy is over for the session. */
  gone(): void
}

type State =
  | { readonly is: 'idle' }
  | { readonly is: 'waiting' }
  /** Won, but the session's support has run out meanwhile. */
  | { readonly is: 'granted'; readonly token: number }
  | { readonly is: 'held'; readonly token: number }
  | { readonly is: 'over' }

interface Proclaiming {
  readonly revision: number
  readonly settle: (done: boolean) => void
}

type Concerning = Extract<
  ProposerEffect,
  { type: 'won' | 'lost' | 'refused' | 'waiting' | 'sought' | 'proclaimed' }
>

export class PaxosCandidacy implements Candidacy {
  readonly #request: CandidacyRequest
  readonly #on: CandidacyEvents
  readonly #duties: PaxosCandidacyDuties
  #state: State = { is: 'idle' }
  /** Asked by `transfer`: does the target wait? */
  #seeking: ((waits: boolean) => void) | null = null
  #proclaiming: Proclaiming[] = []

  constructor(request: CandidacyRequest, on: CandidacyEvents, duties: PaxosCandidacyDuties) {
    this.#request = request
    this.#on = on
    this.#duties = duties
  }

  begin(): void {
    if (this.#state.is !== 'idle') return
    this.#state = { is: 'waiting' }
    this.#duties.campaign()
  }

  concerning(effect: Concerning): void {
    switch (effect.type) {
      case 'waiting':
        if (this.#state.is === 'waiting') this.#on.waiting(effect.ahead)
        return
      case 'won':
        if (this.#state.is !== 'waiting') return
        this.#state = { is: 'granted', token: effect.token }
        this.#win()
        return
      case 'lost':
        if (this.#state.is === 'held') this.end(effect.reason)
        else if (this.#state.is === 'granted') {
          // Never told that it won: it goes on standing.
          this.#state = { is: 'idle' }
          this.begin()
        }
        return
      case 'refused':
        this.end('refused', otherExclusivity(this.#request, effect.exclusivity))
        return
      case 'sought':
        this.#seeking?.(effect.waits)
        return
      case 'proclaimed':
        for (const { revision, settle } of [...this.#proclaiming])
          if (revision <= effect.revision) settle(true)
        return
      default:
        effect satisfies never
    }
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
    this.#seeking?.(false)
    for (const { settle } of [...this.#proclaiming]) settle(false)
  }

  // ---- what its owner asks --------------------------------------------------------------------------------------

  async leave({ signal }: Cancellable): Promise<'left' | 'was-not-holder' | 'unknown'> {
    const before = this.#state.is
    if (before === 'over') return 'was-not-holder'
    this.#over()
    if (before === 'idle') return 'left'
    return (await this.#duties.leave(null, signal)) ? 'left' : 'unknown'
  }

  async transfer(to: string, { signal }: Cancellable): Promise<'done' | 'refused' | 'unknown'> {
    if (this.#state.is !== 'held' || this.#seeking !== null) return 'refused'
    const waits = await this.#asked(signal, (settle) => {
      this.#seeking = settle
      this.#duties.seek(to)
    })
    this.#seeking = null
    if (waits !== true || !this.#holds) return 'refused'
    // The heir may lead with the very message that releases: this one must have stopped before it is sent.
    this.end('transferred')
    return (await this.#duties.leave(to, signal)) ? 'done' : 'unknown'
  }

  async proclaim(
    metadata: Metadata,
    { signal }: Cancellable,
  ): Promise<'done' | 'was-not-holder' | 'unknown'> {
    if (!this.#holds) return 'was-not-holder'
    let waiting: Proclaiming | undefined
    const done = await this.#asked(signal, (settle) => {
      const revision = this.#duties.proclaim(metadata)
      if (revision === null) return settle(false)
      waiting = { revision, settle }
      this.#proclaiming.push(waiting)
    })
    this.#proclaiming = this.#proclaiming.filter((each) => each !== waiting)
    if (done === null) return 'unknown'
    return done ? 'done' : 'was-not-holder'
  }

  get #holds(): boolean {
    return this.#state.is === 'held'
  }

  /** What `ask` settles with; null: aborted, or no answer for a lease. */
  #asked(
    signal: AbortSignal | undefined,
    ask: (settle: (answer: boolean) => void) => void,
  ): Promise<boolean | null> {
    return new Promise((resolve) => {
      const settle = (answer: boolean | null): void => {
        signal?.removeEventListener('abort', onAbort)
        patience.cancel()
        resolve(answer)
      }
      const onAbort = (): void => settle(null)
      const patience = this.#duties.afterLease(onAbort)
      signal?.addEventListener('abort', onAbort, { once: true })
      ask(settle)
      if (signal?.aborted === true) onAbort()
    })
  }
}

function otherExclusivity({ election, exclusivity }: CandidacyRequest, theirs: Exclusivity): MandateError {
  return new MandateError(
    'INVALID_OPTIONS',
    `Election ${JSON.stringify(election)} has exclusivity '${theirs}', this candidate asked for '${exclusivity}'. ` +
      'Give all candidates of one election the same exclusivity.',
    { option: 'exclusivity', value: exclusivity, expected: theirs },
  )
}
