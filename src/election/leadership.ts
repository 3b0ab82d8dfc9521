import type { Cancellable, Exclusivity, LossReason, Metadata } from '../backends/backend.ts'
import { MandateError } from '../errors.ts'
import { publish } from '../observability/channels.ts'
import type { Dependent, LiveDeadline } from './session-deadline.ts'

export interface LeadershipJson {
  readonly election: string
  readonly candidateId: string
  /** Decimal. */
  readonly token: string
  readonly tokenScope: string
  readonly exclusivity: Exclusivity
  readonly valid: boolean
  readonly remainingMs: number
}

/**
 * What the winner holds. Does not stop a process that checks, pauses and then acts: only a resource that checks the
 * token does.
 */
export interface Leadership {
  /** Greater than that of every earlier leadership of this election within `tokenScope`. */
  readonly token: bigint
  /** Tokens compare only within one scope, such as a cluster id. */
  readonly tokenScope: string
  readonly candidateId: string
  readonly electionName: string
  readonly exclusivity: Exclusivity
  /** Aborts when the leadership ends, however it ends; `isValid()` is false by then, and for ever. */
  readonly signal: AbortSignal
  /** Resolves with the reason after `signal` has aborted. Never rejects. */
  readonly lost: Promise<LossReason>
  /**
   * Whether this process leads at this instant, by its own clocks: reads two of them, about 100 ns, allocates nothing.
   * In time mode nobody else is told that it leads while this is true. In token mode somebody may be.
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
  toJSON(): LeadershipJson
  /** As `resign()`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** What a leadership needs of the candidacy it came from. */
export interface LeadershipOwner {
  readonly candidateId: string
  readonly electionName: string
  readonly exclusivity: Exclusivity
  readonly tokenScope: string
  /** Called once, after the signal has aborted. */
  leadershipEnded(): void
  resign(): Promise<void>
  transfer(to: string, o: Cancellable): Promise<'done' | 'refused' | 'unknown'>
  proclaim(metadata: Metadata, o: Cancellable): Promise<'done' | 'was-not-holder' | 'unknown'>
}

export class HeldLeadership implements Leadership, Dependent {
  readonly token: bigint
  readonly tokenScope: string
  readonly candidateId: string
  readonly electionName: string
  readonly exclusivity: Exclusivity
  readonly signal: AbortSignal
  readonly lost: Promise<LossReason>
  readonly #owner: LeadershipOwner
  /** Perhaps shared with every other leadership of the session. */
  readonly #deadline: LiveDeadline
  readonly #abort = new AbortController()
  #standing = true
  #reason: LossReason | undefined
  #resolveLost!: (reason: LossReason) => void

  constructor(owner: LeadershipOwner, token: bigint, deadline: LiveDeadline) {
    this.token = token
    this.tokenScope = owner.tokenScope
    this.candidateId = owner.candidateId
    this.electionName = owner.electionName
    this.exclusivity = owner.exclusivity
    this.signal = this.#abort.signal
    this.lost = new Promise((resolve) => (this.#resolveLost = resolve))
    this.#owner = owner
    this.#deadline = deadline
    if (this.isValid()) deadline.add(this)
  }

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

  toJSON(): LeadershipJson {
    return {
      election: this.electionName,
      candidateId: this.candidateId,
      token: this.token.toString(),
      tokenScope: this.tokenScope,
      exclusivity: this.exclusivity,
      valid: this.isValid(),
      remainingMs: this.remainingMs(),
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.resign()
  }

  #about(): { readonly election: string; readonly candidateId: string; readonly token: string } {
    return { election: this.electionName, candidateId: this.candidateId, token: this.token.toString() }
  }

  #lossError(reason: LossReason, cause?: unknown): MandateError<'LEADERSHIP_LOST'> {
    const token = this.token.toString()
    return new MandateError(
      'LEADERSHIP_LOST',
      `'${this.candidateId}' no longer leads election '${this.electionName}' (token ${token}): ${reason}`,
      { election: this.electionName, token, reason },
      { cause },
    )
  }
}
