/**
 * One session of a Paxos cluster: hosts the proposer, beats for it, and tells each candidacy what it decided. It opens by
 * winning the instance of its candidate id, so a second process with that id finds it taken.
 */
import type { AnswerMessage, AskMessage } from '../../cluster/engine/engine.ts'
import type { ConnectSponsor, SponsorLink } from '../../cluster/sponsor-link.ts'
import { NamedTimers } from '../../cluster/timers.ts'
import { MandateError } from '../../errors.ts'
import { grantorSilenceMs, holderValidityMs } from '../../lease/deadline.ts'
import type { Timing } from '../../lease/timing.ts'
import {
  beat,
  campaign,
  createProposer,
  leave,
  proclaim,
  received,
  seek,
  wake,
  type Proposer,
  type ProposerEffect,
} from '../../protocols/paxos/proposer/proposer.ts'
import { electionInstance, electionOf, idInstance } from '../../protocols/paxos/proposer/state.ts'
import type { PaxosReply, PaxosRequest } from '../../protocols/paxos/types.ts'
import type { PeerId } from '../../protocols/quorum/types.ts'
import { supportedSince } from '../../protocols/support/holder.ts'
import type { Instant, Timer } from '../../seams/clock.ts'
import { between } from '../../seams/random.ts'
import type {
  BackendEnv,
  Cancellable,
  Candidacy,
  CandidacyEvents,
  CandidacyRequest,
  LossReason,
  Metadata,
  ObserveEvents,
  Renewal,
  Session,
  SessionTicket,
} from '../backend.ts'
import { deferred, settledOrAborted, type Deferred } from '../settled.ts'
import { PaxosCandidacy } from './candidacy.ts'
import { Closing } from './closing.ts'
import { Leavings } from './leavings.ts'
import { Mail } from './mail.ts'
import { Observing } from './observing.ts'

export type PaxosConnect = ConnectSponsor<AskMessage<PaxosRequest>, AnswerMessage<PaxosReply>>

export interface PaxosSessionOptions {
  readonly env: BackendEnv
  readonly cluster: string
  readonly acceptors: readonly PeerId[]
  readonly timing: Timing
  readonly tokenBase: bigint
  readonly candidateId: string
  readonly leaseMs: number
  readonly connect: PaxosConnect
  /** Called once, when the session is over. */
  readonly closed?: () => void
}

type Phase = 'opening' | 'open' | 'closing' | 'over'

/** Between the tries of two ranks, at least, in ms (DESIGN §4.2: max(10 ms, 3 round trips)). */
const STEP_MS = 10
/** How much longer than a lease a session that hears no majority is silent, in heartbeats. */
const quietHeartbeats = 6
/** Heartbeats without a majority's answer after which a client tries another peer. */
const patienceHeartbeats = 4

export class PaxosSession implements Session {
  readonly scope: string
  readonly #options: PaxosSessionOptions
  readonly #key: string
  readonly #proposer: Proposer<Instant>
  readonly #link: SponsorLink<AskMessage<PaxosRequest>>
  readonly #mail: Mail
  readonly #observing: Observing
  readonly #timers: NamedTimers
  readonly #candidacies = new Map<string, PaxosCandidacy>()
  readonly #unsupported = new Set<PaxosCandidacy>()
  readonly #leavings = new Leavings()
  readonly #opened: Deferred<void> = deferred()
  #closing: Closing | null = null
  #beatTimer: Timer | null = null
  #renewal: Renewal | null = null
  #told: ((renewal: Renewal) => void) | undefined
  #phase: Phase = 'opening'
  #isUp = false
  #failure: MandateError | undefined
  /** `lower()` of the last renewal, or of the last change of peers. */
  #hopefulAt: number
  #fruitless = 0

  constructor(options: PaxosSessionOptions) {
    const { env, timing, candidateId, leaseMs, acceptors } = options
    this.#options = options
    this.scope = options.cluster
    this.#key = `${candidateId}~${env.random.id()}`
    this.#hopefulAt = env.clock.lower()
    this.#timers = new NamedTimers(env.clock)
    this.#proposer = createProposer({
      session: this.#key,
      id: candidateId,
      leaseMs,
      configuration: { voters: acceptors },
      heartbeatMs: timing.heartbeatMs,
      stepMs: STEP_MS,
      patience: Math.ceil(leaseMs / timing.heartbeatMs) + 1,
      quietMs: grantorSilenceMs(leaseMs, timing) + quietHeartbeats * timing.heartbeatMs,
    })
    const post = (message: AskMessage<PaxosRequest>): void => this.#link.send(message)
    this.#mail = new Mail(this.#key, post)
    this.#observing = new Observing(options, post)
    this.#link = options.connect({
      up: () => this.#up(),
      down: () => (this.#isUp = false),
      message: (message) => this.#received(message),
      gone: (error) => this.#gone(error),
    })
    // Nobody may be waiting: a refusal is told by `opened` or by each candidacy.
    this.#opened.promise.catch(() => undefined)
  }

  /** @throws DUPLICATE_ID, CANCELLED, CLOSED */
  async opened({ signal }: Cancellable): Promise<void> {
    await settledOrAborted(this.#opened.promise, signal)
  }

  get isOver(): boolean {
    return this.#phase === 'closing' || this.#phase === 'over'
  }

  enter(request: CandidacyRequest, on: CandidacyEvents): Candidacy {
    const { election } = request
    const instance = electionInstance(election)
    if (this.#candidacies.has(instance)) {
      throw new MandateError(
        'INVALID_OPTIONS',
        `Candidate ${this.#options.candidateId} already stands in election ${JSON.stringify(election)}. ` +
          'End that candidacy first, or use another candidate id.',
        { option: 'election', value: election, expected: 'one candidacy per session and election' },
      )
    }
    const candidacy = new PaxosCandidacy(request, on, {
      tokenBase: this.#options.tokenBase,
      campaign: () => this.#campaign(candidacy, request),
      leave: (to, signal) => this.#leave(instance, to, signal),
      seek: (to) => this.#execute(seek(this.#proposer, instance, to)),
      proclaim: (metadata) => this.#proclaim(instance, metadata),
      afterLease: (run) => this.#options.env.clock.setTimer(this.#options.leaseMs, run),
      renewal: () => this.#validRenewal(),
      unsupported: () => void this.#unsupported.add(candidacy),
      gone: () => {
        this.#unsupported.delete(candidacy)
        if (this.#candidacies.get(instance) === candidacy) this.#candidacies.delete(instance)
      },
    })
    this.#candidacies.set(instance, candidacy)
    if (this.isOver) queueMicrotask(() => candidacy.end('refused', this.#failure ?? closedError()))
    else if (this.#phase === 'open') queueMicrotask(() => candidacy.begin())
    return candidacy
  }

  observe(election: string, on: ObserveEvents): { close(): void } {
    return this.#observing.observe(election, on)
  }

  onRenewed(told: (renewal: Renewal) => void): void {
    this.#told = told
  }

  ticket(): SessionTicket {
    return { session: this.#key }
  }

  async close({ signal }: Cancellable): Promise<void> {
    if (!this.isOver) {
      this.#phase = 'closing'
      this.#opened.reject(closedError())
      this.#endAll('session-lost', closedError())
      // What a proposal on its way would take is released by its ballot; the rest goes with the session.
      for (const { instance, phase } of [...this.#proposer.campaigns.values()])
        if (phase !== 'held') this.#execute(leave(this.#proposer, instance))
      this.#closing = new Closing(this.#options.acceptors)
      this.#askToClose()
      const giveUp = this.#options.env.clock.setTimer(this.#options.leaseMs, () => this.#closing?.giveUp())
      await settledOrAborted(this.#closing.done, signal).catch(() => undefined)
      giveUp.cancel()
    }
    this.#stop()
  }

  // ---- the link -------------------------------------------------------------------------------------------------

  #up(): void {
    this.#isUp = true
    this.#hopefulAt = this.#options.env.clock.lower()
    this.#observing.up()
    if (this.#phase === 'opening' || this.#phase === 'open') this.#beat()
    else if (this.#phase === 'closing') this.#askToClose()
  }

  /** The peer of this process stopped by itself: the session cannot be kept, so whoever leads by it stops now. */
  #gone(error: MandateError): void {
    if (this.#phase === 'over') return
    this.#failure = error
    this.#phase = 'closing'
    this.#opened.reject(error)
    this.#endAll('session-lost', error)
    this.#stop()
  }

  #received(message: AnswerMessage<PaxosReply>): void {
    switch (message.type) {
      case 'answer':
        if (message.session === this.#key) this.#answered(message.from, message.replies)
        else if (message.session === this.#observing.key)
          this.#observing.received(message.from, message.replies)
        return
      case 'status':
        return
      case 'error': {
        const { code, message: text, details } = message.error
        const error = new MandateError(code, text, details ?? { reason: text })
        this.#options.env.report({ during: 'a request to the cluster', error })
        return
      }
      default:
        message satisfies never
    }
  }

  #answered(from: PeerId, replies: readonly PaxosReply[]): void {
    if (this.#phase === 'over') return
    const now = this.#options.env.clock.lower()
    for (const reply of replies) {
      if (reply.type === 'closed') this.#closing?.closedBy(from)
      else this.#execute(received(this.#proposer, from, reply, now))
    }
  }

  #askToClose(): void {
    this.#mail.put(null, { type: 'close' })
  }

  // ---- time -----------------------------------------------------------------------------------------------------

  #beat(): void {
    const { clock } = this.#options.env
    this.#beatTimer?.cancel()
    if (this.#phase === 'over') return
    this.#beatTimer = clock.setTimer(this.#options.timing.heartbeatMs, () => this.#beat())
    if (this.#phase === 'closing') return this.#askToClose()
    const isFirst = this.#proposer.holder.lastSequence === 0
    const lapsed = this.#renewal !== null && this.#validRenewal() === null
    // The instant comes first: whatever happens between here and the wire only makes the deadline earlier.
    const instant = clock.upper()
    this.#execute(beat(this.#proposer, { instant, lapsed, now: clock.lower() }))
    if (isFirst) this.#open()
    this.#seekBetterPeer()
  }

  #open(): void {
    const now = this.#options.env.clock.lower()
    const instance = idInstance(this.#options.candidateId)
    this.#execute(
      // Nobody leads by holding an id, so evidence of death may free it at once.
      campaign(this.#proposer, { instance, exclusivity: 'token', priority: 0, metadata: {} }, now),
    )
  }

  /** A client whose peer is cut off from the others; one that merely is slow gets longer each time. */
  #seekBetterPeer(): void {
    const now = this.#options.env.clock.lower()
    const patienceMs = patienceHeartbeats * this.#options.timing.heartbeatMs * 2 ** this.#fruitless
    if (now - this.#hopefulAt <= patienceMs) return
    this.#hopefulAt = now
    if (!this.#isUp) return
    this.#fruitless = Math.min(this.#fruitless + 1, 4)
    this.#link.change('no majority of the peers answers through this one')
  }

  /** The newest renewal, if it has not run out. */
  #validRenewal(): Renewal | null {
    const { env, leaseMs, timing } = this.#options
    if (this.#renewal === null) return null
    const elapsedMs = env.clock.elapsedMs(this.#renewal.sentAt)
    return elapsedMs < holderValidityMs(leaseMs, timing) ? this.#renewal : null
  }

  #renewed(): void {
    const since = supportedSince(this.#proposer.holder)
    if (since === null) return
    this.#hopefulAt = this.#options.env.clock.lower()
    this.#fruitless = 0
    this.#renewal = { sentAt: since, grantedMs: this.#options.leaseMs }
    // Nothing here grows with what is held: the session may hold thousands.
    if (this.#told !== undefined) this.#told(this.#renewal)
    else for (const candidacy of this.#candidacies.values()) candidacy.renewed(this.#renewal)
    const unsupported = [...this.#unsupported]
    this.#unsupported.clear()
    for (const candidacy of unsupported) candidacy.supported()
  }

  // ---- the proposer ---------------------------------------------------------------------------------------------

  #campaign(
    candidacy: PaxosCandidacy,
    { election, exclusivity, priority, metadata }: CandidacyRequest,
  ): void {
    const instance = electionInstance(election)
    if (this.isOver || this.#candidacies.get(instance) !== candidacy) return
    const now = this.#options.env.clock.lower()
    this.#execute(campaign(this.#proposer, { instance, exclusivity, priority, metadata }, now))
  }

  #leave(instance: string, to: string | null, signal: AbortSignal | undefined): Promise<boolean> {
    const ballot = this.#proposer.campaigns.get(instance)?.highest
    // The session is over, or lost it just now: there is nothing to give up any more.
    if (ballot === undefined || this.isOver) return Promise.resolve(true)
    const { env, leaseMs } = this.#options
    const patience = (run: () => void): Timer => env.clock.setTimer(leaseMs, run)
    const known = this.#leavings.wait(instance, ballot, { signal, patience })
    this.#execute(leave(this.#proposer, instance, to))
    return known
  }

  #proclaim(instance: string, metadata: Metadata): number | null {
    const proclaimed = proclaim(this.#proposer, instance, metadata)
    if (proclaimed === null) return null
    this.#execute(proclaimed.effects)
    return proclaimed.revision
  }

  #execute(effects: readonly ProposerEffect[]): void {
    for (const effect of effects) this.#carryOut(effect)
  }

  #carryOut(effect: ProposerEffect): void {
    switch (effect.type) {
      case 'send':
        this.#mail.put(effect.to, effect.request)
        return
      case 'renewed':
        this.#renewed()
        return
      case 'arm': {
        const delayMs = between(this.#options.env.random, effect.minMs, effect.maxMs)
        const { instance } = effect
        this.#timers.cancel(instance)
        this.#timers.set(instance, delayMs, () =>
          this.#execute(wake(this.#proposer, instance, this.#options.env.clock.lower())),
        )
        return
      }
      case 'disarm':
        this.#timers.cancel(effect.instance)
        return
      case 'duplicate':
        this.#isDuplicate(effect.silentMs)
        return
      case 'left':
        // By ballot: a later candidacy may stand in the same election already.
        this.#leavings.left(effect.instance, effect.ballot)
        return
      case 'won':
      case 'lost':
      case 'refused':
      case 'waiting':
      case 'sought':
      case 'proclaimed':
        if (electionOf(effect.instance) === null) this.#concerningOwnId(effect.type)
        else this.#candidacies.get(effect.instance)?.concerning(effect)
        return
      default:
        effect satisfies never
    }
  }

  #concerningOwnId(type: ProposerEffect['type']): void {
    if (type === 'won' && this.#phase === 'opening') {
      this.#phase = 'open'
      this.#opened.resolve()
      for (const candidacy of [...this.#candidacies.values()]) candidacy.begin()
    }
    // Silent for so long that another process took the id: this one is not that candidate any more.
    if (type === 'lost') this.#isDuplicate(0)
  }

  #isDuplicate(silentMs: number): void {
    const { candidateId } = this.#options
    const error = new MandateError(
      'DUPLICATE_ID',
      `Another process uses the candidate id ${JSON.stringify(candidateId)}, and was heard ` +
        `${Math.round(silentMs)} ms ago. Give each process an id of its own, or stop the other one.`,
      { id: candidateId },
    )
    this.#failure = error
    const wasOpen = this.#phase === 'open'
    this.#opened.reject(error)
    this.#phase = 'closing'
    this.#endAll(wasOpen ? 'session-lost' : 'refused', error)
    this.#askToClose()
    this.#mail.flush()
    this.#stop()
  }

  #endAll(reason: LossReason, cause: unknown): void {
    for (const candidacy of [...this.#candidacies.values()]) candidacy.end(reason, cause)
  }

  #stop(): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#options.closed?.()
    this.#beatTimer?.cancel()
    this.#timers.stop()
    this.#observing.close()
    this.#closing?.giveUp()
    this.#leavings.settleAll()
    this.#link.close()
  }
}

function closedError(): MandateError {
  return new MandateError('CLOSED', 'The session is closed.', { what: 'session' })
}
