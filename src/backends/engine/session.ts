/** One session of a cluster of an engine without a log: the life that all of them have in common, and its candidacies. */
import type { AnswerMessage, AskMessage } from '../../cluster/engine/engine.ts'
import type { HolderAsked } from '../../cluster/operator-desk.ts'
import type { ConnectSponsor, SponsorLink } from '../../cluster/sponsor-link.ts'
import { MandateError } from '../../errors.ts'
import type { Timer } from '../../seams/clock.ts'
import type {
  Cancellable,
  Candidacy,
  CandidacyEvents,
  CandidacyRequest,
  Guarantee,
  LossReason,
  ObserveEvents,
  Renewal,
  Session,
  SessionTicket,
} from '../backend.ts'
import { sessionClosed, standsAlready } from '../embedded-refusals.ts'
import type { Observation } from '../observations.ts'
import { deferred, settledOrAborted } from '../settled.ts'
import { EngineCandidacy } from './candidacy.ts'
import type { Engine, ProtocolOptions, SessionLife, SessionPhase, SessionProtocol } from './engine.ts'
import { FirstContact } from './first-contact.ts'

export interface EngineSessionOptions<Request, Reply> extends ProtocolOptions {
  readonly cluster: string
  readonly connect: ConnectSponsor<AskMessage<Request>, AnswerMessage<Reply>>
  /** Called once, when the session is over. */
  readonly closed: () => void
}

export class EngineSession<Request, Reply> implements Session {
  readonly scope: string
  readonly #options: EngineSessionOptions<Request, Reply>
  readonly #protocol: SessionProtocol<Reply>
  readonly #observing: FirstContact<Reply>
  readonly #link: SponsorLink<AskMessage<Request>>
  readonly #candidacies = new Map<string, EngineCandidacy>()
  /** Granted while no majority supported the session. */
  readonly #unsupported = new Set<EngineCandidacy>()
  readonly #opened = deferred<void>()
  readonly #closed = deferred<void>()
  #told: ((renewal: Renewal) => void) | undefined
  #phase: SessionPhase = 'opening'
  #failure: Error | undefined

  constructor(
    engine: Pick<Engine<Request, Reply, never, Guarantee>, 'createSession' | 'createObserving'>,
    options: EngineSessionOptions<Request, Reply>,
  ) {
    this.#options = options
    this.scope = options.cluster
    this.#protocol = engine.createSession(options, this.#life())
    this.#observing = new FirstContact(engine.createObserving(options, (message) => this.#link.send(message)))
    this.#link = options.connect({
      up: () => {
        this.#observing.up()
        this.#protocol.up()
      },
      down: (reason) => {
        this.#observing.down(reason)
        this.#protocol.down()
      },
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

  enter(request: CandidacyRequest, on: CandidacyEvents): Candidacy {
    const { election } = request
    const { candidateId, tokenBase } = this.#options
    if (this.#candidacies.has(election)) throw standsAlready(candidateId, election)
    const candidacy: EngineCandidacy = new EngineCandidacy(request, on, {
      protocol: this.#protocol.candidacy(request),
      duties: {
        tokenBase,
        renewal: () => this.#protocol.renewal,
        unsupported: () => void this.#unsupported.add(candidacy),
        gone: () => {
          this.#unsupported.delete(candidacy)
          if (this.#candidacies.get(election) === candidacy) this.#candidacies.delete(election)
        },
      },
    })
    this.#candidacies.set(election, candidacy)
    queueMicrotask(() => {
      if (this.#isOver) candidacy.end('refused', this.#failure ?? sessionClosed())
      else if (this.#phase === 'open') candidacy.begin()
    })
    return candidacy
  }

  observe(election: string, on: ObserveEvents): Observation {
    return this.#observing.observe(election, on)
  }

  onRenewed(told: (renewal: Renewal) => void): void {
    this.#told = told
  }

  ticket(): SessionTicket {
    return { session: this.#protocol.key }
  }

  async close({ signal }: Cancellable): Promise<void> {
    if (!this.#isOver) {
      this.#fails('session-lost', sessionClosed())
      this.#protocol.close()
      const { env, leaseMs } = this.#options
      // Without an answer the lease ends it: nobody waits longer than that.
      const giveUp: Timer = env.clock.setTimer(leaseMs, () => this.#closed.resolve())
      await settledOrAborted(this.#closed.promise, signal).catch(() => undefined)
      giveUp.cancel()
    }
    this.#stop()
  }

  get #isOver(): boolean {
    return this.#phase === 'closing' || this.#phase === 'over'
  }

  // ---- the link -------------------------------------------------------------------------------------------------

  #received(message: AnswerMessage<Reply>): void {
    switch (message.type) {
      case 'answer':
        if (message.session === this.#protocol.key) this.#protocol.heard(message.from, message.replies)
        else if (message.session === this.#observing.key)
          this.#observing.received(message.from, message.replies)
        return
      case 'status':
      case 'operator-told':
        return
      case 'holder-asked':
        void this.#askedByOperator(message)
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

  /** Without an answer the operator repeats: it may be meant for another session, or for nobody any more. */
  async #askedByOperator({ by, id, request }: HolderAsked): Promise<void> {
    const answer = await this.#candidacies.get(request.election)?.asked(request)
    if (answer !== undefined && answer !== null) this.#link.send({ type: 'holder-answers', by, id, answer })
  }

  /** The peer of this process stopped by itself: the session cannot be kept, so whoever leads by it stops now. */
  #gone(error: MandateError): void {
    if (this.#phase === 'over') return
    this.#fails('session-lost', error)
    this.#stop()
  }

  // ---- what the engine tells ------------------------------------------------------------------------------------

  #life(): SessionLife<Request> {
    const phase = (): SessionPhase => this.#phase
    return {
      get phase() {
        return phase()
      },
      candidacies: this.#candidacies,
      post: (message) => this.#link.send(message),
      changePeer: (reason) => this.#link.change(reason),
      opened: () => this.#hasOpened(),
      renewed: (renewal) => this.#renewed(renewal),
      startsOver: (cause) => this.#startsOver(cause),
      fails: (reason, error) => this.#fails(reason, error),
      closed: () => this.#closed.resolve(),
      stop: () => this.#stop(),
    }
  }

  #hasOpened(): void {
    if (this.#phase !== 'opening') return
    this.#phase = 'open'
    this.#opened.resolve()
    for (const candidacy of [...this.#candidacies.values()]) candidacy.begin()
  }

  /** Nothing here grows with what is held: the session may hold thousands, and is renewed once a heartbeat. */
  #renewed(renewal: Renewal): void {
    if (this.#told !== undefined) this.#told(renewal)
    else for (const candidacy of this.#candidacies.values()) candidacy.renewed(renewal)
    const unsupported = [...this.#unsupported]
    this.#unsupported.clear()
    for (const candidacy of unsupported) candidacy.supported()
  }

  #startsOver(cause: unknown): void {
    this.#phase = 'opening'
    this.#unsupported.clear()
    for (const candidacy of [...this.#candidacies.values()]) candidacy.lost('expired', cause)
  }

  #fails(reason: LossReason, error: Error): void {
    this.#phase = 'closing'
    this.#failure = error
    this.#opened.reject(error)
    for (const candidacy of [...this.#candidacies.values()]) candidacy.end(reason, error)
  }

  #stop(): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#options.closed()
    this.#protocol.stop()
    this.#observing.close()
    this.#link.close()
    this.#closed.resolve()
  }
}
