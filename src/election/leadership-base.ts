import type { Cancellable, LossReason, Metadata } from '../backends/backend.ts'
import { MandateError } from '../errors.ts'
import { publish } from '../observability/channels.ts'
import type { Dependent, LiveDeadline } from './session-deadline.ts'

/** What every leadership is, whatever it guarantees. */
export interface LeadershipBase {
  readonly candidateId: string
  readonly electionName: string
  /** Aborts when the leadership ends, however it ends; `isValid()` is false by then, and for ever. */
  readonly signal: AbortSignal
  /** Resolves with the reason after `signal` has aborted. Never rejects. */
  readonly lost: Promise<LossReason>
  /**
   * Whether this process leads at this instant, by its own clocks: reads two of them, about 100 ns, allocates nothing.
   * In time mode nobody else is told that it leads while this is true. In token mode somebody may be, and in an advisory
   * election somebody in another part of a split network.
   */
  isValid(): boolean
  /** @throws LEADERSHIP_LOST */
  assertValid(): void
  /** How long `isValid()` stays true without another renewal, in ms; 0 when it is false. */
  remainingMs(): number
  /**
   * Gives the leadership up: aborts `signal`, then releases, so that the next candidate leads at once. Resolves after
   * the release; inside `lead()`, where the release waits for the work, as soon as the work was told.
   * Idempotent; resolves also when the leadership was lost already.
   */
  resign(): Promise<void>
  /**
   * Hands over to the candidate with the id `to`. The leadership ends whatever comes of it: `signal` aborts first, so
   * that the two never overlap, and on `refused` (`to` does not stand in the election) it is released as by `resign()`.
   * Do not await it inside the work of `lead()`: it waits until that has settled.
   * @throws UNSUPPORTED, INVALID_OPTIONS
   */
  transfer(to: string, o?: Cancellable): Promise<'done' | 'refused' | 'unknown'>
  /**
   * Replaces the metadata that others see. `unknown`: the answer was lost, it may or may not have happened.
   * @throws UNSUPPORTED, INVALID_OPTIONS, LIMIT_EXCEEDED
   */
  proclaim(metadata: Metadata, o?: Cancellable): Promise<'done' | 'was-not-holder' | 'unknown'>
  /** As `resign()`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** What a leadership needs of the candidacy it came from. */
export interface LeadershipOwner {
  readonly candidateId: string
  readonly electionName: string
  /** Called once, after the signal has aborted. */
  leadershipEnded(): void
  resign(): Promise<void>
  transfer(to: string, o: Cancellable): Promise<'done' | 'refused' | 'unknown'>
  proclaim(metadata: Metadata, o: Cancellable): Promise<'done' | 'was-not-holder' | 'unknown'>
}

export abstract class HeldLeadershipBase implements LeadershipBase, Dependent {
  readonly candidateId: string
  readonly electionName: string
  readonly signal: AbortSignal
  readonly lost: Promise<LossReason>
  readonly #owner: LeadershipOwner
  /** Perhaps shared with every other leadership of the session. */
  readonly #deadline: LiveDeadline
  readonly #abort = new AbortController()
  #standing = true
  #reason: LossReason | undefined
  #resolveLost!: (reason: LossReason) => void

  constructor(owner: LeadershipOwner, deadline: LiveDeadline) {
    this.candidateId = owner.candidateId
    this.electionName = owner.electionName
    this.signal = this.#abort.signal
    this.lost = new Promise((resolve) => (this.#resolveLost = resolve))
    this.#owner = owner
    this.#deadline = deadline
    if (this.isValid()) deadline.add(this)
  }

  /** Decimal, as channels and errors tell it; empty where there is none. */
  protected abstract get tokenText(): string

  /** What tells this leadership from others, for people. */
  protected abstract get title(): string

  /** Why it ended; undefined while `signal` has not aborted. */
  get reason(): LossReason | undefined {
    return this.#reason
  }

  isValid(): boolean {
    return this.#standing && this.#deadline.stands()
  }

  /** As `isValid`, for a look from outside on which nobody acts: it ends nothing. */
  seemsValid(): boolean {
    return this.#standing && this.#deadline.seemsToStand()
  }

  assertValid(): void {
    if (!this.isValid()) throw this.#lossError(this.#reason ?? this.#deadline.lapse ?? 'expired')
  }

  remainingMs(): number {
    return this.#standing ? this.#deadline.remainingMs() : 0
  }

  renewed(): void {
    publish('mandate:renewed', () => ({ ...this.#about(), remainingMs: this.remainingMs() }))
  }

  expire(): void {
    this.end('expired')
  }

  /** Ends it, once: first `isValid()`, then `signal`, then `lost`. A listener that throws changes nothing of that. */
  end(reason: LossReason, cause?: unknown): void {
    this.#standing = false
    if (this.#reason !== undefined) return
    this.#reason = this.#deadline.lapse ?? reason
    this.#deadline.remove(this)
    try {
      this.#abort.abort(this.#lossError(this.#reason, cause))
    } finally {
      this.#resolveLost(this.#reason)
      this.#owner.leadershipEnded()
    }
    publish('mandate:lost', () => ({ ...this.#about(), reason: this.#reason ?? reason }))
  }

  async resign(): Promise<void> {
    this.end('resigned')
    await this.#owner.resign()
  }

  async transfer(to: string, o: Cancellable = {}): Promise<'done' | 'refused' | 'unknown'> {
    return this.#owner.transfer(to, o)
  }

  async proclaim(metadata: Metadata, o: Cancellable = {}): Promise<'done' | 'was-not-holder' | 'unknown'> {
    return this.#owner.proclaim(metadata, o)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.resign()
  }

  /** Told to whoever subscribes, once it is sure that the campaign resolves with it. */
  elected(tokenScope: string): void {
    publish('mandate:elected', () => ({ ...this.#about(), tokenScope }))
  }

  #about(): { readonly election: string; readonly candidateId: string; readonly token: string } {
    return { election: this.electionName, candidateId: this.candidateId, token: this.tokenText }
  }

  #lossError(reason: LossReason, cause?: unknown): MandateError<'LEADERSHIP_LOST'> {
    return new MandateError(
      'LEADERSHIP_LOST',
      `'${this.candidateId}' no longer leads election '${this.electionName}' (${this.title}): ${reason}`,
      { election: this.electionName, token: this.tokenText, reason },
      { cause },
    )
  }
}
