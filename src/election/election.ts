import type { Cancellable, Guarantee, Observer, SessionShare } from '../backends/backend.ts'
import type { LeadershipOf } from './advisory-leadership.ts'
import { stand } from './campaign.ts'
import type { CampaignOptions, Seat } from './campaign.ts'
import { HealthWatch } from './health.ts'
import { checkLeadOptions, leadUntilDone } from './lead.ts'
import type { AnyWork, LeadOptions, Work } from './lead.ts'
import { currentState, statesOf } from './observe.ts'
import type { ElectionState, StateSource } from './observe.ts'
import { electionSettings } from './options.ts'
import type { ElectionOptions, ElectionSettings } from './options.ts'
import type { Standing } from './standing.ts'
import { linkSignals } from './waiting.ts'
import { MandateError, isMandateError } from '../errors.ts'

/** One candidate's place in one election. Holds its session, and so keeps its backend running, until `close()`. */
export interface Election<Its extends Guarantee = 'linearizable'> {
  readonly name: string
  readonly candidateId: string
  /**
   * Runs `work` while this candidate leads, again after every loss, until it returns. Resolves with what it returned
   * while it led, after the release; with undefined after `signal` aborted or the election was closed. An arbiter that
   * cannot be reached is waited for, and reported as a background failure.
   *
   * Does not stop work that ignores its signal: see `drainMs`.
   * @throws what `onError` stops with; the error of a refusal, such as DUPLICATE_ID or INVALID_OPTIONS; CLOSED
   */
  lead<T>(work: Work<T, Its>, options?: LeadOptions): Promise<T | undefined>
  /**
   * Stands until it leads. One at a time: another `campaign` or `lead` of this election is refused while one stands or
   * its leadership does.
   * @throws CANCELLED after whatever had been won is released; DUPLICATE_ID, INVALID_OPTIONS, BACKEND_UNAVAILABLE,
   * UNAUTHORIZED, FORBIDDEN, LIMIT_EXCEEDED, CLOSED
   */
  campaign(o?: CampaignOptions): Promise<LeadershipOf<Its>>
  /**
   * The present state, then every change; a slow reader misses what was overtaken, and tokens never go back. Ends when
   * the loop is left, `signal` aborts or the election is closed, without an error.
   * @throws CLOSED at once; from the loop UNAUTHORIZED, FORBIDDEN
   */
  observe(o?: Cancellable): AsyncIterable<ElectionState<Its>>
  /**
   * Who leads now: `led` or `vacant`.
   * @throws BACKEND_UNAVAILABLE when nobody can say, CANCELLED, CLOSED, UNAUTHORIZED, FORBIDDEN
   */
  current(o?: Cancellable): Promise<ElectionState<Its>>
  /** Resigns, with the drain of `lead`, ends observers and lets go of the backend. Idempotent; never rejects. */
  close(): Promise<void>
  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Describes a candidate's part in an election; nothing is opened before the first call.
 * @throws INVALID_NAME, INVALID_OPTIONS, LIMIT_EXCEEDED
 */
export function createElection<Its extends Guarantee = 'linearizable'>(
  options: ElectionOptions<Its>,
): Election<Its> {
  return new CandidateElection<Its>(electionSettings(options))
}

/** What it holds and sees is of the kind that its backend declares; that is known to the type and, at run time, to the facts. */
class CandidateElection<Its extends Guarantee> implements Election<Its>, Seat, StateSource {
  readonly name: string
  readonly candidateId: string
  readonly settings: ElectionSettings
  readonly health: HealthWatch | null
  standing: Standing | undefined
  readonly #closed = new AbortController()
  readonly #running = new Set<Promise<unknown>>()
  #share: SessionShare | undefined
  #observer: { readonly observer: Observer; leave(): Promise<void> } | undefined
  #campaigning = false
  #closing: Promise<void> | undefined

  constructor(settings: ElectionSettings) {
    this.settings = settings
    this.name = settings.name
    this.candidateId = settings.candidateId
    const { health, backend, candidateId } = settings
    this.health =
      health === null
        ? null
        : new HealthWatch(health, backend.env, `health check of candidate '${candidateId}'`)
  }

  get election(): string {
    return this.name
  }

  get guarantee(): Guarantee {
    return this.settings.backend.facts.guarantee
  }

  get env() {
    return this.settings.backend.env
  }

  get closed(): AbortSignal {
    return this.#closed.signal
  }

  async lead<T>(asked: Work<T, Its>, options: LeadOptions = {}): Promise<T | undefined> {
    checkLeadOptions(asked, options)
    const work: AnyWork<T> = (leadership) => asked(leadership as unknown as LeadershipOf<Its>)
    const { signal, onError = () => 'retry', drainMs = this.settings.leaseMs } = options
    return this.#alone(signal, (stop) => leadUntilDone(this, { work, onError, drainMs, stop }))
  }

  async campaign(o: CampaignOptions = {}): Promise<LeadershipOf<Its>> {
    try {
      const won = await this.#alone(o.signal, (signal) => stand(this, signal, o.onAsked))
      return won.leadership as unknown as LeadershipOf<Its>
    } catch (error) {
      if (this.closed.aborted && isMandateError(error, 'CANCELLED')) throw this.#closedError()
      throw error
    }
  }

  observe(o: Cancellable = {}): AsyncIterable<ElectionState<Its>> {
    this.#refuseIfClosed()
    return statesOf(this, o.signal) as AsyncIterable<ElectionState<Its>>
  }

  async current(o: Cancellable = {}): Promise<ElectionState<Its>> {
    this.#refuseIfClosed()
    return (await currentState(this, o.signal)) as ElectionState<Its>
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async session(signal: AbortSignal): Promise<SessionShare> {
    if (this.#share !== undefined) return this.#share
    const { backend, candidateId, leaseMs } = this.settings
    const beforeClose = (): Promise<void> => this.close()
    this.#share = await backend.share({ candidateId, leaseMs }, { signal, beforeClose })
    return this.#share
  }

  dropSession(): void {
    const lost = this.#share
    this.#share = undefined
    if (lost !== undefined) void this.#letGo(lost.leave({}))
  }

  async observer(signal: AbortSignal): Promise<Observer> {
    const present = this.#present()
    if (present !== undefined) return present
    const beforeClose = (): Promise<void> => this.close()
    const opened = await this.settings.backend.shareObserver({ signal, beforeClose })
    const faster = this.#present()
    if (faster === undefined && !this.closed.aborted) {
      this.#observer = opened
      return opened.observer
    }
    await this.#letGo(opened.leave())
    if (faster === undefined) throw this.#closedError()
    return faster
  }

  #present(): Observer | undefined {
    return this.#observer?.observer
  }

  async #close(): Promise<void> {
    this.#closed.abort(this.#closedError())
    // Campaigns are cancelled and work drains by the signal; a leadership won by `campaign` ends here.
    await Promise.allSettled(this.#running)
    await this.standing?.release()
    const share = this.#share
    this.#share = undefined
    if (share !== undefined) await this.#letGo(share.leave({}))
    if (this.#observer !== undefined) await this.#letGo(this.#observer.leave())
  }

  /** Runs `task` as the only campaign of this election, until it settles. */
  async #alone<T>(signal: AbortSignal | undefined, task: (stop: AbortSignal) => Promise<T>): Promise<T> {
    this.#refuseIfClosed()
    if (this.#campaigning || this.standing?.leads === true) throw this.#alreadyStands()
    this.#campaigning = true
    const stop = linkSignals([signal, this.closed])
    const checked = this.health?.use()
    const running = task(stop.signal)
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
      this.#campaigning = false
      checked?.()
      stop.unlink()
    }
  }

  async #letGo(leaving: Promise<void>): Promise<void> {
    try {
      await leaving
    } catch (error) {
      this.env.report({ during: `close of election '${this.name}'`, error })
    }
  }

  #refuseIfClosed(): void {
    if (this.closed.aborted) throw this.#closedError()
  }

  #closedError(): MandateError<'CLOSED'> {
    return new MandateError('CLOSED', `election '${this.name}' was closed; create another`, {
      what: 'election',
    })
  }

  #alreadyStands(): MandateError<'DUPLICATE_ID'> {
    return new MandateError(
      'DUPLICATE_ID',
      `candidate '${this.candidateId}' already stands in election '${this.name}': one campaign() or lead() at a time`,
      { id: this.candidateId },
    )
  }
}
