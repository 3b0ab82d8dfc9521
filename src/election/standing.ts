import { checkCandidateId, checkMetadata, rankOf } from '../backends/backend.ts'
import type {
  BackendEnv,
  Cancellable,
  Candidacy,
  CandidacyEvents,
  Exclusivity,
  LossReason,
  Metadata,
  OperatorWish,
  Renewal,
  Session,
} from '../backends/backend.ts'
import { HeldAdvisoryLeadership } from './advisory-leadership.ts'
import type { HeldLeadershipBase } from './leadership-base.ts'
import { HeldLeadership } from './leadership.ts'
import type { TokenOwner } from './leadership.ts'
import { copyOf } from './options.ts'
import type { ElectionSettings } from './options.ts'
import { deadlinesOf } from './session-deadline.ts'
import type { LiveDeadline, SessionDeadlines } from './session-deadline.ts'
import { MandateError } from '../errors.ts'

export type Outcome =
  | { readonly is: 'won'; readonly leadership: HeldLeadershipBase }
  | { readonly is: 'ended'; readonly reason: LossReason; readonly cause: unknown }

interface HandOver {
  readonly to: string
  readonly o: Cancellable
  readonly answer: (is: 'done' | 'refused' | 'unknown') => void
}

/**
 * One candidacy from `enter` to the last word of the arbiter, and the leadership that may come of it. Everything that
 * ends it passes through `release`: the leadership ends here first, its work drains, then the arbiter is told.
 */
export class Standing implements CandidacyEvents, TokenOwner {
  readonly candidateId: string
  readonly electionName: string
  readonly exclusivity: Exclusivity
  readonly tokenScope: string
  /** Settles with the first news: a win, which may have run out on its way, or the end. */
  readonly outcome: Promise<Outcome>
  readonly #settings: ElectionSettings
  readonly #env: BackendEnv
  readonly #candidacy: Candidacy
  readonly #deadlines: SessionDeadlines
  /** Undefined: an operator's wish is done at once. */
  readonly #onAsked: ((wish: OperatorWish) => void) | undefined
  #decide!: (outcome: Outcome) => void
  #leadership: HeldLeadershipBase | undefined
  #deadline: LiveDeadline | undefined
  #drained: Promise<void> | undefined
  #handOver: HandOver | undefined
  #wish: OperatorWish | undefined
  #end: { readonly reason: LossReason } | undefined
  #releasing: Promise<void> | undefined

  constructor(settings: ElectionSettings, session: Session, onAsked?: (wish: OperatorWish) => void) {
    const { backend, name, exclusivity, priority, metadata } = settings
    this.#settings = settings
    this.#onAsked = onAsked
    this.#env = backend.env
    this.#deadlines = deadlinesOf(session, backend.env.clock, backend.timing)
    this.candidateId = settings.candidateId
    this.electionName = name
    this.exclusivity = exclusivity
    this.tokenScope = session.scope
    this.outcome = new Promise((resolve) => (this.#decide = resolve))
    this.#candidacy = session.enter({ election: name, exclusivity, priority, metadata }, this)
  }

  get #isAdvisory(): boolean {
    return this.#settings.backend.facts.guarantee === 'advisory'
  }

  get leads(): boolean {
    return this.#leadership?.isValid() === true
  }

  /** Whether the session that it stood on is gone. */
  get lostSession(): boolean {
    return this.#end?.reason === 'session-lost'
  }

  /** The release waits for `drained`; meanwhile the lease is kept. */
  drainFirst(drained: Promise<void>): void {
    this.#drained = drained
  }

  waiting(): void {
    // A number without a listener yet; kept in the interface for status and metrics.
  }

  won(grant: { readonly token: bigint; readonly renewal: Renewal }): void {
    if (this.#over() || this.#leadership !== undefined) return
    const deadline = this.#deadlines.of(grant.renewal)
    const leadership = this.#isAdvisory
      ? new HeldAdvisoryLeadership(this, rankOf(grant.token), deadline)
      : new HeldLeadership(this, grant.token, deadline)
    this.#deadline = deadline
    this.#leadership = leadership
    this.#decide({ is: 'won', leadership })
  }

  /** In `lead()` the work drains first, and its lease is kept meanwhile. What was asked before counts. */
  asked(wish: OperatorWish): void {
    if (!this.leads || this.#wish !== undefined) return
    this.#wish = wish
    this.#comply(wish).catch((error: unknown) =>
      this.#env.report({ during: `an operator's request about election '${this.electionName}'`, error }),
    )
  }

  async #comply({ to }: OperatorWish): Promise<void> {
    if (this.#onAsked !== undefined) this.#onAsked({ to })
    else if (to === null) this.#leadership?.end('resigned')
    else await this.transfer(to, {})
  }

  renewed(renewal: Renewal): void {
    // After the end there is nobody left on it to be renewed.
    this.#deadline?.renew(renewal)
  }

  rose(order: bigint): void {
    if (this.#leadership instanceof HeldAdvisoryLeadership) this.#leadership.rose(rankOf(order))
  }

  ended(end: { readonly reason: LossReason; readonly cause?: unknown }): void {
    this.#end = end
    this.#leadership?.end(end.reason, end.cause)
    this.#decide({ is: 'ended', reason: end.reason, cause: end.cause })
    void this.release()
  }

  leadershipEnded(): void {
    void this.release()
  }

  async resign(): Promise<void> {
    const released = this.release()
    // Work that awaits its own resignation must not wait for itself.
    if (this.#drained === undefined) await released
  }

  async transfer(to: string, o: Cancellable): Promise<'done' | 'refused' | 'unknown'> {
    checkCandidateId(to, 'to')
    this.#checkSupported('transfer', this.#settings.backend.facts.transfer !== 'none')
    if (to === this.candidateId) {
      throw new MandateError('INVALID_OPTIONS', `'${to}' leads already; name another candidate`, {
        option: 'to',
        value: to,
      })
    }
    if (!this.leads) {
      // Its deadline may just have been found to have passed: told first, as of every transfer.
      this.#leadership?.expire()
      return 'refused'
    }
    return new Promise((answer) => {
      this.#handOver = { to, o, answer }
      this.#leadership?.end('transferred')
    })
  }

  async proclaim(metadata: Metadata, o: Cancellable): Promise<'done' | 'was-not-holder' | 'unknown'> {
    checkMetadata(metadata, this.#settings.backend.facts, 'metadata')
    this.#checkSupported('proclaim', this.#settings.backend.facts.proclaim)
    if (!this.leads) return 'was-not-holder'
    return this.#candidacy.proclaim(copyOf(metadata), o)
  }

  /** Ends it and gives it back; resolves when nothing of it is left, as far as can be known. Never rejects. */
  release(): Promise<void> {
    this.#leadership?.end('resigned')
    return (this.#releasing ??= this.#giveBack())
  }

  async #giveBack(): Promise<void> {
    await this.#drained
    try {
      await this.#handOverIfAsked()
      if (this.#end !== undefined) return
      const left = await this.#candidacy.leave({})
      if (left === 'unknown') throw noAnswer()
    } catch (error) {
      this.#env.report({ during: `release of election '${this.electionName}'`, error })
    }
  }

  async #handOverIfAsked(): Promise<void> {
    const handOver = this.#handOver
    if (handOver === undefined) return
    let is: 'done' | 'refused' | 'unknown' = 'refused'
    try {
      if (this.#end === undefined) is = await this.#candidacy.transfer(handOver.to, handOver.o)
    } catch (error) {
      is = 'unknown'
      this.#env.report({ during: `transfer of election '${this.electionName}'`, error })
    }
    handOver.answer(is)
  }

  #over(): boolean {
    return this.#end !== undefined || this.#releasing !== undefined
  }

  #checkSupported(feature: string, supported: boolean): void {
    if (supported) return
    throw new MandateError('UNSUPPORTED', `this backend does not support ${feature}`, { feature })
  }
}

function noAnswer(): MandateError<'BACKEND_UNAVAILABLE'> {
  return new MandateError('BACKEND_UNAVAILABLE', 'no answer; whatever may have landed is freed by expiry', {})
}
