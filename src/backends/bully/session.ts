/** One session of a bully cluster: attached to the peer of its own process, which stands for it. */
import type { AnswerMessage, AskMessage } from '../../cluster/engine/engine.ts'
import type { ConnectSponsor, SponsorLink } from '../../cluster/sponsor-link.ts'
import { MandateError } from '../../errors.ts'
import type { Timing } from '../../lease/timing.ts'
import type { PeerId } from '../../protocols/quorum/types.ts'
import type { Timer } from '../../seams/clock.ts'
import { between } from '../../seams/random.ts'
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
} from '../backend.ts'
import { RaftLiveness } from '../raft-liveness.ts'
import { deferred, settledOrAborted, type Deferred } from '../settled.ts'
import { BullyCandidacy, type Outcome } from './candidacy.ts'
import { Observing } from './observing.ts'
import type { BullyReply, BullyRequest } from './words.ts'

export type BullyConnect = ConnectSponsor<AskMessage<BullyRequest>, AnswerMessage<BullyReply>>

export interface BullySessionOptions {
  readonly env: BackendEnv
  readonly cluster: string
  readonly self: PeerId
  readonly voters: readonly PeerId[]
  readonly timing: Timing
  readonly tokenBase: bigint
  readonly candidateId: string
  readonly leaseMs: number
  readonly connect: BullyConnect
  /** Called once, when the session is over. */
  readonly closed?: () => void
}

type Phase = 'opening' | 'open' | 'closing' | 'over'

export class BullySession implements Session {
  readonly scope: string
  readonly #options: BullySessionOptions
  readonly #link: SponsorLink<AskMessage<BullyRequest>>
  readonly #liveness: RaftLiveness
  readonly #observing: Observing
  readonly #candidacies = new Map<string, BullyCandidacy>()
  readonly #unsupported = new Set<BullyCandidacy>()
  readonly #answers = new Map<number, (outcome: Outcome) => void>()
  readonly #opened: Deferred<void> = deferred()
  readonly #ended: Deferred<void> = deferred()
  #told: ((renewal: Renewal) => void) | undefined
  #phase: Phase = 'opening'
  #key: string
  #tags = 0
  /** The epoch that was asked for last. */
  #asked = 1
  /** By `lower()`, since when this id is refused; null: it is not. */
  #refusedSince: number | null = null
  #failure: MandateError | undefined
  /** Another try to open, while somebody else may still have the id. */
  #again: Timer | null = null

  constructor(options: BullySessionOptions) {
    const { env, timing, voters, leaseMs } = options
    this.#options = options
    this.scope = options.cluster
    this.#key = this.#newKey()
    this.#liveness = new RaftLiveness(
      { ...timing, clock: env.clock, voters, leaseMs },
      {
        keepalive: (epoch, sequence) => this.#ask({ type: 'keepalive', epoch, sequence }),
        reopen: (epoch) => this.#reopen(epoch),
        renewed: (renewal) => this.#renewed(renewal),
        beaten: () => false,
        forsaken: () => false,
      },
    )
    this.#observing = new Observing(options, (message) => this.#link.send(message))
    this.#link = options.connect({
      up: () => {
        this.#open(1)
        this.#observing.up()
      },
      down: () => undefined,
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

  get #isOver(): boolean {
    return this.#phase === 'closing' || this.#phase === 'over'
  }

  enter(request: CandidacyRequest, on: CandidacyEvents): Candidacy {
    const { election } = request
    if (this.#candidacies.has(election)) {
      throw new MandateError(
        'INVALID_OPTIONS',
        `Candidate ${this.#options.candidateId} already stands in election ${JSON.stringify(election)}. ` +
          'End that candidacy first, or use another candidate id.',
        { option: 'election', value: election, expected: 'one candidacy per session and election' },
      )
    }
    const candidacy: BullyCandidacy = new BullyCandidacy(request, on, {
      tokenBase: this.#options.tokenBase,
      nextTag: () => (this.#tags += 1),
      ask: (asked) => this.#ask(asked),
      answer: (tag, settle) => void this.#answers.set(tag, settle),
      forget: (tag) => void this.#answers.delete(tag),
      afterLease: (run) => this.#options.env.clock.setTimer(this.#options.leaseMs, run),
      renewal: () => this.#liveness.renewal,
      unsupported: () => void this.#unsupported.add(candidacy),
      gone: () => {
        this.#unsupported.delete(candidacy)
        if (this.#candidacies.get(election) === candidacy) this.#candidacies.delete(election)
      },
    })
    this.#candidacies.set(election, candidacy)
    if (this.#isOver) queueMicrotask(() => candidacy.end('refused', this.#failure ?? closedError()))
    else if (this.#phase === 'open') {
      queueMicrotask(() => {
        if (this.#phase === 'open' && this.#candidacies.get(election) === candidacy) candidacy.begin()
      })
    }
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
    if (!this.#isOver) {
      this.#phase = 'closing'
      this.#opened.reject(closedError())
      this.#endAll('session-lost', closedError())
      this.#ask({ type: 'close' })
      const giveUp = this.#options.env.clock.setTimer(this.#options.leaseMs, () => this.#ended.resolve())
      await settledOrAborted(this.#ended.promise, signal).catch(() => undefined)
      giveUp.cancel()
    }
    this.#stop()
  }

  // ---- the peer ---------------------------------------------------------------------------------------------------

  #ask(request: BullyRequest): void {
    if (this.#phase === 'over') return
    this.#link.send({ type: 'ask', session: this.#key, to: this.#options.self, requests: [request] })
  }

  #open(epoch: number): void {
    const { candidateId: id, leaseMs } = this.#options
    this.#asked = epoch
    this.#ask({ type: 'open', epoch, id, leaseMs })
  }

  /**
   * Single voters withdrew for good. Only a session that is still supported goes on in another epoch: one that is not may
   * have been replaced, and what it held would come back to life.
   */
  #reopen(epoch: number): void {
    if (this.#phase !== 'open') return
    if (this.#liveness.renewal === null) this.#sessionEnded()
    else if (this.#asked <= epoch) this.#open(epoch + 1)
  }

  #received(message: AnswerMessage<BullyReply>): void {
    switch (message.type) {
      case 'answer':
        if (message.session === this.#observing.key) this.#observing.received(message.from, message.replies)
        // One by one: a session may end in the middle of them, and none of the rest is about the next.
        else for (const reply of message.replies) if (message.session === this.#key) this.#heard(reply)
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

  #heard(reply: BullyReply): void {
    switch (reply.type) {
      case 'opened':
        this.#hasOpened(reply.epoch)
        return
      case 'duplicate':
        this.#isDuplicate()
        return
      case 'over':
        if (!this.#isOver) this.#sessionEnded()
        return
      case 'ack':
        this.#liveness.received({ type: 'keepalive-ack', session: this.#key, ...reply.ack })
        return
      case 'refusal':
        this.#liveness.received({ type: 'keepalive-refusal', session: this.#key, ...reply.refusal })
        return
      case 'granted':
      case 'waiting':
      case 'refused':
      case 'superseded':
        this.#candidacies.get(reply.election)?.concerning(reply)
        return
      case 'known':
      case 'not-holder':
        this.#answers.get(reply.tag)?.(reply.type)
        return
      case 'sought':
        this.#answers.get(reply.tag)?.(reply.stands ? 'stands' : 'absent')
        return
      case 'closed':
        this.#ended.resolve()
        return
      case 'state':
        return
      default:
        reply satisfies never
    }
  }

  #hasOpened(epoch: number): void {
    if (this.#phase === 'opening' && epoch === 1) {
      this.#phase = 'open'
      this.#refusedSince = null
      this.#liveness.opened(1)
      this.#liveness.beat()
      this.#opened.resolve()
      for (const candidacy of [...this.#candidacies.values()]) candidacy.begin()
    } else if (this.#phase === 'open') {
      if (this.#liveness.renewal === null) this.#sessionEnded()
      else this.#liveness.moved(epoch)
    }
  }

  /** Whoever had the id may have died a moment ago: silent for so long it would have been let go. */
  #isDuplicate(): void {
    if (this.#phase !== 'opening') return
    const { clock, random } = this.#options.env
    const { heartbeatMs } = this.#options.timing
    this.#refusedSince ??= clock.lower()
    if (clock.lower() - this.#refusedSince < 4 * heartbeatMs) {
      this.#ask({ type: 'close' })
      this.#key = this.#newKey()
      // By chance: of two that refuse each other at once, one is to come back first.
      this.#again = clock.setTimer(between(random, heartbeatMs / 2, 1.5 * heartbeatMs), () => {
        if (this.#phase === 'opening') this.#open(1)
      })
      return
    }
    const id = this.#options.candidateId
    const error = new MandateError(
      'DUPLICATE_ID',
      `Candidate ${JSON.stringify(id)} is connected already, from another process. Give every process an id of its own.`,
      { id },
    )
    this.#failure = error
    this.#phase = 'closing'
    this.#opened.reject(error)
    this.#endAll('refused', error)
    this.#stop()
  }

  /** Under a new key: what belonged to the old one is over for good. */
  #sessionEnded(): void {
    const cause = new MandateError('CLOSED', 'The session was silent for its lease, and ended.', {
      what: 'session',
    })
    for (const candidacy of [...this.#candidacies.values()]) candidacy.sessionEnded(cause)
    this.#unsupported.clear()
    for (const settle of [...this.#answers.values()]) settle(null)
    this.#ask({ type: 'close' })
    this.#liveness.reset()
    this.#phase = 'opening'
    this.#key = this.#newKey()
    this.#open(1)
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

  /** Nothing here grows with what is held: the session may hold thousands, and is renewed once a heartbeat. */
  #renewed(renewal: Renewal): void {
    if (this.#told === undefined)
      for (const candidacy of this.#candidacies.values()) candidacy.renewed(renewal)
    else this.#told(renewal)
    const unsupported = [...this.#unsupported]
    this.#unsupported.clear()
    for (const candidacy of unsupported) candidacy.supported()
  }

  #endAll(reason: LossReason, cause: unknown): void {
    for (const candidacy of [...this.#candidacies.values()]) candidacy.end(reason, cause)
  }

  #stop(): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#options.closed?.()
    this.#again?.cancel()
    this.#liveness.stop()
    this.#observing.close()
    this.#link.close()
    for (const settle of [...this.#answers.values()]) settle(null)
    this.#ended.resolve()
  }

  #newKey(): string {
    return `${this.#options.candidateId}~${this.#options.env.random.id()}`
  }
}

function closedError(): MandateError {
  return new MandateError('CLOSED', 'The session is closed.', { what: 'session' })
}
