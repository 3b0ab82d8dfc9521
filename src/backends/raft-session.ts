/**
 * The holder's side of one session of an embedded cluster: keeps it supported by a majority of the voters (DESIGN
 * §4.1), carries its candidacies, and outlives the loss of a sponsor and even its own expiry (it then opens anew, and
 * who was waiting goes on waiting; who was leading has lost).
 */
import type { SponsorLink, ConnectSponsor } from '../cluster/sponsor-link.ts'
import type { ErrorReply, SessionState, SponsorMessage } from '../cluster/messages.ts'
import { Outbox, type Answer, type Letter } from '../cluster/outbox.ts'
import { Reader } from '../cluster/reader.ts'
import { MandateError } from '../errors.ts'
import type { PeerId } from '../protocols/quorum/types.ts'
import type { SessionKey } from '../protocols/support/types.ts'
import type { SessionRequest as Request } from '../registry/types.ts'
import type {
  BackendEnv,
  Cancellable,
  Candidacy,
  CandidacyEvents,
  CandidacyRequest,
  LossReason,
  ObserveEvents,
  Renewal,
  Session,
  SessionTicket,
} from './backend.ts'
import { sessionClosed, standsAlready } from './embedded-refusals.ts'
import { RaftCandidacy } from './raft-candidacy.ts'
import { RaftLiveness } from './raft-liveness.ts'
import { deferred, settledOrAborted, type Deferred } from './settled.ts'
import { tellObserver } from './tell-observer.ts'

export interface RaftSessionOptions {
  readonly env: BackendEnv
  readonly cluster: string
  readonly voters: readonly PeerId[]
  readonly heartbeatMs: number
  readonly maxClockDrift: number
  readonly tickMs: number
  readonly candidateId: string
  readonly leaseMs: number
  readonly connect: ConnectSponsor
  /** Called once, when the session is over. */
  readonly closed?: () => void
}

type Phase =
  /** Asked for, not in the log yet. */
  | 'opening'
  | 'open'
  /** Another process has the candidate id, or the cluster has no room: until somebody asks again. */
  | 'refused'
  | 'closing'
  | 'over'

export class RaftSession implements Session {
  readonly scope: string
  readonly #options: RaftSessionOptions
  readonly #link: SponsorLink
  readonly #reader: Reader
  readonly #outbox: Outbox
  readonly #liveness: RaftLiveness
  readonly #candidacies = new Map<string, RaftCandidacy>()
  /** Granted by the log while no majority supported the session. */
  readonly #unsupported = new Set<RaftCandidacy>()
  /** Granted by the log, told or not. */
  readonly #holding = new Set<RaftCandidacy>()
  #told: ((renewal: Renewal) => void) | undefined
  #phase: Phase = 'opening'
  #key: SessionKey
  #wasOpen = false
  #isUp = false
  #flushing = false
  /** Why the peer of this process is gone, and this session with it. */
  #failure: MandateError | undefined
  readonly #opened: Deferred<void> = deferred()
  readonly #ended: Deferred<void> = deferred()

  constructor(options: RaftSessionOptions) {
    this.#options = options
    this.scope = options.cluster
    this.#key = this.#newKey()
    this.#outbox = new Outbox((number, requests) =>
      this.#link.send({ type: 'batch', session: this.#key, number, requests }),
    )
    this.#liveness = new RaftLiveness(
      { ...options, clock: options.env.clock },
      {
        keepalive: (epoch, sequence, patient) =>
          this.#link.send({
            type: 'keepalive',
            session: this.#key,
            epoch,
            sequence,
            ...(patient ? { patient } : {}),
          }),
        reopen: (epoch) => this.#link.send({ type: 'reopen', session: this.#key, epoch }),
        renewed: (renewal) => this.#renewed(renewal),
        beaten: () => this.#link.beats,
        forsaken: () => {
          if (!this.#isUp) return false
          this.#link.change('no majority of the voters answers through this peer')
          return true
        },
      },
    )
    this.#reader = new Reader(
      (message) => this.#link.send(message),
      (reason) => this.#link.change(reason),
    )
    this.#link = options.connect({
      up: () => this.#up(),
      down: (reason) => this.#down(reason),
      message: (message) => this.#received(message),
      beat: () => this.#liveness.beaten(),
      gone: (error) => this.#gone(error),
    })
    // Nobody may be waiting: a refusal is told by `opened` or by each candidacy, never as an unhandled rejection.
    this.#opened.promise.catch(() => undefined)
  }

  /** Resolves once the session is in the log. @throws DUPLICATE_ID, LIMIT_EXCEEDED, CANCELLED, CLOSED */
  async opened({ signal }: Cancellable): Promise<void> {
    await settledOrAborted(this.#opened.promise, signal)
  }

  enter(request: CandidacyRequest, on: CandidacyEvents): Candidacy {
    if (this.#candidacies.has(request.election)) {
      throw standsAlready(this.#options.candidateId, request.election)
    }
    const candidacy = new RaftCandidacy(request, on, {
      ask: (command, answer) => this.#ask(command, answer),
      afterLease: (run) => this.#options.env.clock.setTimer(this.#options.leaseMs, run),
      renewal: () => this.#liveness.renewal,
      unsupported: () => void this.#unsupported.add(candidacy),
      holds: (holds) => {
        if (holds) this.#holding.add(candidacy)
        else this.#holding.delete(candidacy)
        this.#liveness.holds = this.#holding.size > 0
      },
      gone: () => {
        if (this.#candidacies.get(request.election) === candidacy) this.#candidacies.delete(request.election)
      },
    })
    this.#candidacies.set(request.election, candidacy)
    if (this.#phase === 'closing' || this.#phase === 'over') {
      queueMicrotask(() => candidacy.end('refused', this.#failure ?? sessionClosed()))
      return candidacy
    }
    candidacy.campaign()
    // The process that had this id may be gone by now: each new candidacy is a new try.
    if (this.#phase === 'refused') this.#openAnew()
    return candidacy
  }

  observe(election: string, on: ObserveEvents): { close(): void } {
    return this.#reader.observe(election, (state) => tellObserver(on, state))
  }

  onRenewed(told: (renewal: Renewal) => void): void {
    this.#told = told
  }

  ticket(): SessionTicket {
    return { session: this.#key }
  }

  async close({ signal }: Cancellable): Promise<void> {
    if (this.#phase === 'opening' || this.#phase === 'open') {
      this.#phase = 'closing'
      this.#opened.reject(sessionClosed())
      this.#endAll('session-lost', sessionClosed())
      this.#link.send({ type: 'close', session: this.#key })
      // Without an answer the lease ends it: nobody waits longer than that.
      const giveUp = this.#options.env.clock.setTimer(this.#options.leaseMs, () => this.#ended.resolve())
      await settledOrAborted(this.#ended.promise, signal).catch(() => undefined)
      giveUp.cancel()
    }
    this.#stop()
  }

  /** Nothing here grows with what is held: the session may hold thousands, and is renewed once a heartbeat. */
  #renewed(renewal: Renewal): void {
    if (this.#told === undefined)
      for (const candidacy of this.#candidacies.values()) candidacy.renewed(renewal)
    else this.#told(renewal)
    const unsupported = [...this.#unsupported]
    this.#unsupported.clear()
    for (const candidacy of unsupported) candidacy.supported()
  }

  // ---- the link -------------------------------------------------------------------------------------------------

  #up(): void {
    this.#isUp = true
    this.#liveness.hope()
    this.#reader.up()
    if (this.#phase === 'closing') this.#link.send({ type: 'close', session: this.#key })
    else if (this.#phase === 'opening' || this.#phase === 'open') this.#attach()
    if (this.#phase === 'opening' || this.#phase === 'open') this.#liveness.beat()
  }

  #attach(): void {
    const { candidateId: id, leaseMs } = this.#options
    this.#link.send({
      type: 'open',
      request: { session: this.#key, id, leaseMs, host: this.#link.host },
      reattach: this.#wasOpen,
    })
  }

  #down(reason: string): void {
    this.#isUp = false
    this.#reader.down(reason)
  }

  /** The peer of this process stopped by itself: the session cannot be kept, so whoever leads by it stops now. */
  #gone(error: MandateError): void {
    if (this.#phase === 'over') return
    this.#failure = error
    this.#phase = 'closing'
    this.#reader.down(error.message)
    this.#opened.reject(error)
    this.#endAll('session-lost', error)
    this.#stop()
  }

  #received(message: SponsorMessage): void {
    switch (message.type) {
      case 'observed':
      case 'status':
        this.#reader.received(message)
        return
      case 'error':
        this.#options.env.report({ during: 'a request to the cluster', error: toError(message.error) })
        return
      case 'support':
        if (message.message.session === this.#key) this.#liveness.received(message.message)
        return
      case 'holder-asked':
        void this.#askedByOperator(message)
        return
      case 'operator-told':
        return
      case 'opened':
      case 'session-ended':
      case 'results':
      case 'reopened':
      case 'waiting':
      case 'granted':
      case 'freed':
        // An earlier incarnation of this session is nobody's concern any more.
        if (message.session === this.#key) this.#concerning(message)
        return
      default:
        message satisfies never
    }
  }

  /** Without an answer the operator repeats: it may be meant for another session, or for nobody any more. */
  async #askedByOperator({
    by,
    id,
    request,
  }: Extract<SponsorMessage, { type: 'holder-asked' }>): Promise<void> {
    const answer = await this.#candidacies.get(request.election)?.asked(request)
    if (answer !== undefined && answer !== null) this.#link.send({ type: 'holder-answers', by, id, answer })
  }

  #concerning(message: Extract<SponsorMessage, { session: SessionKey }>): void {
    switch (message.type) {
      case 'opened':
        this.#attached(message.state)
        return
      case 'session-ended':
        this.#sessionEnded(message.error)
        return
      case 'results':
        this.#outbox.answered(message.number, message.results)
        this.#flushSoon()
        return
      case 'reopened':
        this.#liveness.moved(message.epoch)
        return
      case 'waiting':
        this.#candidacies.get(message.election)?.waiting(message.ahead)
        return
      case 'granted':
        this.#candidacies.get(message.election)?.granted(message.token)
        return
      case 'freed':
        this.#candidacies.get(message.election)?.freed(message.token, message.reason)
        return
      default:
        message satisfies never
    }
  }

  /** Opened, or attached to another sponsor: makes good whatever was told while nobody listened. */
  #attached(state: SessionState): void {
    if (this.#phase === 'closing' || this.#phase === 'over') return
    if (state.number < this.#outbox.answeredThrough) {
      // The session ended unheard, and a delayed duplicate of its first request opened its key again: a later life, which
      // has none of the candidacies and would wait for batch 1 for ever.
      this.#link.send({ type: 'close', session: this.#key })
      this.#sessionEnded({
        code: 'LEADERSHIP_LOST',
        message: 'The session was silent for its lease, and ended.',
      })
      return
    }
    const first = this.#phase === 'opening'
    this.#phase = 'open'
    this.#wasOpen = true
    this.#liveness.opened(state.epoch)
    this.#outbox.answered(state.number, state.results)
    const held = new Map(state.holds.map((hold) => [hold.election, hold.token]))
    const waits = new Set(state.waits.map(({ election }) => election))
    for (const [election, candidacy] of [...this.#candidacies])
      candidacy.reconcile(held.get(election) ?? null, waits.has(election))
    for (const { election, ahead } of state.waits) this.#candidacies.get(election)?.waiting(ahead)
    if (first) this.#opened.resolve()
    this.#outbox.repeat()
    this.#outbox.flush()
    this.#liveness.beat()
  }

  #sessionEnded(error: ErrorReply): void {
    if (this.#phase === 'closing' || this.#phase === 'over') {
      this.#ended.resolve()
      return
    }
    this.#liveness.reset()
    this.#wasOpen = false
    this.#outbox.reset()
    const cause = toError(error)
    if (error.code === 'DUPLICATE_ID' || error.code === 'LIMIT_EXCEEDED') {
      this.#phase = 'refused'
      this.#opened.reject(cause)
      this.#endAll('refused', cause)
      return
    }
    this.#openAnew()
    for (const candidacy of [...this.#candidacies.values()]) candidacy.sessionExpired(cause)
  }

  /** Under a new key: what belonged to the old one is over for good. */
  #openAnew(): void {
    this.#phase = 'opening'
    this.#key = this.#newKey()
    if (!this.#isUp) return
    this.#attach()
    this.#liveness.beat()
  }

  // ---- requests -------------------------------------------------------------------------------------------------

  #ask(request: Request, answer: Answer): Letter {
    const letter = this.#outbox.add(request, answer)
    this.#flushSoon()
    return letter
  }

  /** In a microtask: requests of one tick share a batch, and no event comes from inside `enter`. */
  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    queueMicrotask(() => {
      this.#flushing = false
      if (this.#phase === 'open') this.#outbox.flush()
    })
  }

  #endAll(reason: LossReason, cause: unknown): void {
    for (const candidacy of [...this.#candidacies.values()]) candidacy.end(reason, cause)
  }

  #stop(): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#options.closed?.()
    this.#liveness.stop()
    this.#outbox.reset()
    this.#link.close()
    this.#ended.resolve()
  }

  #newKey(): SessionKey {
    return `${this.#options.candidateId}~${this.#options.env.random.id()}`
  }
}

function toError(reply: ErrorReply): MandateError {
  return new MandateError(reply.code, reply.message, reply.details ?? {})
}
