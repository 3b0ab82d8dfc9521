import type {
  Cancellable,
  Candidacy,
  CandidacyEvents,
  CandidacyRequest,
  ObserveEvents,
  Renewal,
  Session,
  SessionTicket,
} from '../backend.ts'
import { MemoryCandidacy } from './candidacy.ts'
import type { Answer, ExchangeReply, MemoryNotice, MemoryRequest } from './messages.ts'
import { MemoryObserver } from './observer.ts'
import type { MemoryWorld } from './world.ts'
import { MandateError } from '../../errors.ts'
import { holderValidityMs } from '../../lease/deadline.ts'
import type { Instant, Timer } from '../../seams/clock.ts'

/** How long to wait before what was not answered is sent again, in ms. */
const RETRY_MS = 100

/** How long a call waits for its answer before it says that it does not know, in ms. What it asked is repeated on. */
const ANSWER_MS = 3000

/** Keepalives in flight that are remembered; an answer to an older one renews nothing. */
const SENT_MAX = 32

type Unnumbered<T> = T extends unknown ? Omit<T, 'number'> : never

interface Awaited {
  readonly settle: (is: Answer | 'unknown') => void
  readonly untilMs: number
}

/** The holder's side: keeps the lease, repeats what was not answered, and tells the candidacies what it hears. */
export class MemorySession implements Session {
  readonly scope: string
  readonly leaseMs: number
  readonly #world: MemoryWorld
  readonly #key: string
  readonly #observer: MemoryObserver
  readonly #candidacies = new Map<number, MemoryCandidacy>()
  readonly #awaited = new Map<number, Awaited>()
  readonly #sentAt = new Map<number, Instant>()
  readonly #linkWatch: { cancel(): void }
  #outbox: MemoryRequest[] = []
  #lastRequest = 0
  #sequence = 0
  #seen = 0
  #renewal: Renewal
  #timer: Timer | undefined
  #exchangeQueued = false
  #ended = false

  constructor(world: MemoryWorld, key: string, leaseMs: number, openedFrom: Instant) {
    this.#world = world
    this.#key = key
    this.leaseMs = leaseMs
    this.scope = world.scope
    this.#renewal = { sentAt: openedFrom, grantedMs: leaseMs }
    this.#observer = new MemoryObserver(world)
    this.#arm()
    this.#linkWatch = world.link.watch({
      killed: () => this.#end(() => 'unknown'),
      healed: () => this.#exchangeSoon(),
    })
  }

  enter(request: CandidacyRequest, on: CandidacyEvents): Candidacy {
    const number = this.#request({ type: 'campaign', ...request })
    const candidacy = new MemoryCandidacy(number, on, (next, o) => this.#ask(next, o))
    if (this.#ended) queueMicrotask(() => candidacy.end({ reason: 'session-lost', cause: gone() }))
    else this.#candidacies.set(number, candidacy)
    return candidacy
  }

  observe(election: string, on: ObserveEvents): { close(): void } {
    return this.#observer.observe(election, on)
  }

  ticket(): SessionTicket {
    return { session: this.#key }
  }

  async close(o: Cancellable): Promise<void> {
    const open = !this.#ended
    // Everybody stops before the arbiter may name a successor.
    for (const candidacy of this.#candidacies.values()) candidacy.end({ reason: 'resigned' })
    this.#end(() => 'unknown')
    await this.#observer.close()
    if (open) await this.#closeAtArbiter(o)
  }

  receive(reply: ExchangeReply | undefined): void {
    if (this.#ended) return
    if (reply === undefined) return this.#lose(gone())
    const renewed = this.#renew(reply.sequence)
    this.#outbox = this.#outbox.filter((request) => request.number > reply.applied)
    const before = this.#seen
    const held = [...this.#candidacies.values()].filter((candidacy) => candidacy.holds)
    for (const notice of reply.notices) {
      if (notice.number <= this.#seen) continue
      this.#seen = notice.number
      this.#hear(notice)
      if (this.#over()) return
    }
    // Only those who held before: a grant carries its own renewal. None after `ended`.
    if (renewed) for (const candidacy of held) candidacy.renew(this.#renewal)
    // An answer may have been longer on its way than the lease it brings.
    if (renewed && this.#certain()) {
      for (const candidacy of this.#candidacies.values()) candidacy.winIfGranted(this.#renewal)
    }
    // The arbiter repeats its notices until it knows that they arrived.
    if (this.#seen > before) this.#exchangeSoon()
  }

  #hear(notice: MemoryNotice): void {
    switch (notice.type) {
      case 'answer':
        this.#awaited.get(notice.request)?.settle(notice.is)
        return
      case 'waiting':
        this.#candidacies.get(notice.candidacy)?.wait(notice.ahead)
        return
      case 'granted':
        return this.#granted(notice.candidacy, notice.token)
      case 'freed':
        return this.#endCandidacy(notice.candidacy, { reason: notice.reason })
      case 'refused':
        return this.#endCandidacy(notice.candidacy, { reason: 'refused', cause: notice.cause })
      case 'asked':
        this.#candidacies.get(notice.candidacy)?.ask({ to: notice.to })
        return
      case 'condemned':
        return this.#obey()
      default:
        notice satisfies never
    }
  }

  /** Stops, and then says so: in time mode a successor waits for that. */
  #obey(): void {
    const { link, arbiter } = this.#world
    this.#lose(gone())
    link.toArbiter(() => arbiter.close(this.#key))
  }

  #granted(number: number, token: bigint): void {
    const candidacy = this.#candidacies.get(number)
    candidacy?.grant(token)
    if (this.#certain()) candidacy?.winIfGranted(this.#renewal)
    else this.#exchangeSoon()
  }

  #endCandidacy(number: number, end: Parameters<CandidacyEvents['ended']>[0]): void {
    const candidacy = this.#candidacies.get(number)
    this.#candidacies.delete(number)
    candidacy?.end(end)
  }

  /** Takes the answer to an exchange for a renewal from the instant at which that was sent. */
  #renew(sequence: number | null): boolean {
    const sentAt = sequence === null ? undefined : this.#sentAt.get(sequence)
    if (sentAt === undefined) return false
    for (const older of this.#sentAt.keys()) if (older <= (sequence ?? 0)) this.#sentAt.delete(older)
    this.#renewal = { sentAt, grantedMs: this.leaseMs }
    return true
  }

  #certain(): boolean {
    const validMs = holderValidityMs(this.#renewal.grantedMs, this.#world.timing)
    return this.#world.env.clock.elapsedMs(this.#renewal.sentAt) < validMs
  }

  #request(request: Unnumbered<MemoryRequest>): number {
    this.#lastRequest++
    this.#outbox.push({ ...request, number: this.#lastRequest })
    this.#exchangeSoon()
    return this.#lastRequest
  }

  /** Sends until answered; the answer is `unknown` when it takes too long or `signal` aborts. */
  #ask(request: Unnumbered<MemoryRequest>, o: Cancellable): Promise<Answer | 'unknown'> {
    if (this.#ended) return Promise.resolve(this.#world.link.killed ? 'unknown' : answerOfNobody(request))
    const number = this.#request(request)
    if (request.type === 'leave') this.#candidacies.delete(request.candidacy)
    if (o.signal?.aborted === true) return Promise.resolve('unknown')
    return new Promise((resolve) => {
      const untilMs = this.#world.env.clock.lower() + Math.min(this.leaseMs, ANSWER_MS)
      const abort = (): void => settle('unknown')
      const settle = (is: Answer | 'unknown'): void => {
        this.#awaited.delete(number)
        o.signal?.removeEventListener('abort', abort)
        resolve(is)
      }
      o.signal?.addEventListener('abort', abort, { once: true })
      this.#awaited.set(number, { settle, untilMs })
    })
  }

  /** One exchange for everything that is asked in one turn. */
  #exchangeSoon(): void {
    if (this.#exchangeQueued || this.#ended) return
    this.#exchangeQueued = true
    queueMicrotask(() => {
      this.#exchangeQueued = false
      if (!this.#ended) this.#exchange()
    })
  }

  #exchange(): void {
    const { env, link, arbiter } = this.#world
    this.#sequence++
    const sequence = this.#sequence
    const message = { session: this.#key, sequence, seen: this.#seen, requests: [...this.#outbox] }
    this.#remember(sequence, env.clock.upper())
    link.toArbiter(() => {
      const reply = arbiter.exchange(message)
      link.toClient(() => this.receive(reply))
    })
    this.#arm()
  }

  #remember(sequence: number, sentAt: Instant): void {
    this.#sentAt.set(sequence, sentAt)
    for (const oldest of this.#sentAt.keys()) {
      if (this.#sentAt.size <= SENT_MAX) break
      this.#sentAt.delete(oldest)
    }
  }

  #arm(): void {
    this.#timer?.cancel()
    const renewMs = this.leaseMs / 3
    const delayMs = this.#outbox.length > 0 ? Math.min(renewMs, RETRY_MS) : renewMs
    this.#timer = this.#world.env.clock.setTimer(delayMs, () => this.#tick())
  }

  #tick(): void {
    const nowMs = this.#world.env.clock.lower()
    for (const { settle, untilMs } of this.#awaited.values()) if (nowMs >= untilMs) settle('unknown')
    this.#exchange()
  }

  #over(): boolean {
    return this.#ended
  }

  #lose(cause: MandateError): void {
    const candidacies = [...this.#candidacies.values()]
    this.#end(() => 'was-not-holder')
    for (const candidacy of candidacies) candidacy.end({ reason: 'session-lost', cause })
  }

  #end(answer: () => 'unknown' | 'was-not-holder'): void {
    this.#ended = true
    this.#timer?.cancel()
    this.#linkWatch?.cancel()
    this.#candidacies.clear()
    this.#outbox = []
    for (const { settle } of this.#awaited.values()) settle(answer())
  }

  /** Repeats the close until it was answered, for a bounded time: expiry does the rest. */
  #closeAtArbiter(o: Cancellable): Promise<void> {
    const { env, link, arbiter } = this.#world
    const untilMs = env.clock.lower() + Math.min(this.leaseMs, ANSWER_MS)
    return new Promise((resolve) => {
      let timer: Timer | undefined
      const done = (): void => {
        timer?.cancel()
        o.signal?.removeEventListener('abort', done)
        killWatch.cancel()
        resolve()
      }
      const send = (): void => {
        link.toArbiter(() => {
          arbiter.close(this.#key)
          link.toClient(done)
        })
        if (env.clock.lower() >= untilMs || o.signal?.aborted === true) done()
        else timer = env.clock.setTimer(RETRY_MS, send)
      }
      const killWatch = { cancel: (): void => undefined }
      killWatch.cancel = link.watch({ killed: () => queueMicrotask(done) }).cancel
      o.signal?.addEventListener('abort', done, { once: true })
      send()
    })
  }
}

/** What the arbiter would say to a session that it does not know. */
function answerOfNobody(request: Unnumbered<MemoryRequest>): Answer {
  return request.type === 'transfer' ? 'refused' : 'was-not-holder'
}

function gone(): MandateError<'BACKEND_UNAVAILABLE'> {
  return new MandateError(
    'BACKEND_UNAVAILABLE',
    'the arbiter ended the session, or it was silent for its lease',
    {},
  )
}
