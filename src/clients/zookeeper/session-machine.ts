/**
 * One ZooKeeper session over any number of connections, as a function of messages: what arrives goes in with the
 * present instant, what is to be done comes out as effects. Sockets, timers and promises are `client.ts`'s.
 *
 * Disconnected is not expired: the session lives at the ensemble for its timeout, so a connection that breaks is
 * followed by another one, to the next server, that attaches the same session with its id, password and the newest zxid
 * seen. Only a server's word ends it.
 */
import type { Instant } from '../../seams/clock.ts'
import type { Random } from '../../seams/random.ts'
import { ZooKeeperError, errorName } from './error-codes.ts'
import type { Frame } from './frame-reader.ts'
import { JuteReader, protocolError } from './jute.ts'
import {
  encodeAuth,
  encodeOperation,
  encodeSetWatches,
  pathOf,
  readReply,
  readReplyHeader,
  xids,
} from './operations.ts'
import type { Operation, Reply, WatchedPaths } from './operations.ts'
import { decodeConnect, encodeConnect, noPassword, readWatchEvent } from './records.ts'
import type { WatchEvent } from './records.ts'
import { ServerList } from './server-list.ts'
import { TouchProof, beatTiming } from './touch-proof.ts'
import type { BeatTiming } from './touch-proof.ts'

/** One instant, as holders and as waiters read it. */
export interface Now {
  readonly at: Instant
  readonly ms: number
}

export interface SessionIdentity {
  readonly id: bigint
  readonly password: Uint8Array
}

export interface SessionMachineOptions {
  readonly servers: readonly string[]
  readonly random: Random
  /** What is asked for; the servers keep sessions within bounds of their own. */
  readonly timeoutMs: number
  readonly tickMs: number | undefined
  /** For how long a first server may be sought, in ms. */
  readonly openMs: number
  readonly auth: readonly { readonly scheme: string; readonly credentials: Uint8Array }[]
  /** A session to attach to, instead of a new one. */
  readonly session?: SessionIdentity | undefined
  /**
   * For a session whose renewals are counted on: a znode that it may read, whole path. Every third beat is then a write
   * of nothing there. @default none: renewals promise nothing
   */
  readonly provenBy?: string | undefined
  /** Read when a connection is attached: what is to be watched on it. */
  readonly watched: () => readonly WatchedPaths[]
}

export type SessionEnd =
  | { readonly why: 'expired' }
  | { readonly why: 'closed' }
  | { readonly why: 'auth-failed' }
  /** No server was found in time; before the first attach only. */
  | {
      readonly why: 'unreachable'
      readonly tried: readonly { readonly target: string; readonly reason: string }[]
    }

export type Effect =
  | { readonly is: 'dial'; readonly connection: number; readonly server: string }
  | { readonly is: 'send'; readonly connection: number; readonly bytes: Buffer }
  | { readonly is: 'hang-up'; readonly connection: number }
  | { readonly is: 'attached'; readonly timeoutMs: number; readonly first: boolean }
  | { readonly is: 'detached'; readonly reason: string }
  /** The ensemble has counted this session's timeout anew since `sentAt`, or later. */
  | { readonly is: 'renewed'; readonly sentAt: Instant }
  | { readonly is: 'answered'; readonly request: number; readonly answer: Reply | ZooKeeperError }
  | { readonly is: 'watch'; readonly event: WatchEvent }
  | { readonly is: 'ended'; readonly end: SessionEnd }

export interface Request {
  readonly id: number
  readonly operation: Operation
  /** Sent again when its answer was lost; otherwise answered with CONNECTIONLOSS. */
  readonly repeat: boolean
}

type Phase =
  | { readonly is: 'idle' }
  | { readonly is: 'pausing'; readonly untilMs: number }
  /** Until the server has taken the session: TCP and TLS, then the answer to the connect request. */
  | {
      readonly is: 'joining'
      readonly connection: number
      readonly server: string
      readonly untilMs: number
      sentAt: Now | undefined
    }
  | {
      readonly is: 'attached'
      readonly connection: number
      readonly server: string
      heardMs: number
      beatMs: number
    }
  | { readonly is: 'ended' }

interface InFlight {
  readonly xid: number
  readonly operation: Operation
  readonly sentMs: number
  /** Undefined: a beat. */
  readonly request: Request | undefined
}

/** Requests that wait or are under way at most: a limit that only a runaway caller meets. */
const REQUESTS_MAX = 65_536

/**
 * Requests on their way at once. The server answers a session in order, so a beat waits for all that were sent before it:
 * a burst of thousands would cost the leaderships that the session has.
 */
const IN_FLIGHT_MAX = 64

/** How often a request is sent again: one whose answer breaks every connection must not do so for ever. */
const LOSSES_MAX = 10

/** Beats on their way at once; a server that is that far behind gets no more. */
const BEATS_IN_FLIGHT_MAX = 32

/** How long a goodbye is waited for at most, in ms: expiry does the rest. */
const CLOSE_MS = 3000

const beat: Operation = { op: 'sync', path: '/' }

/** Among any three beats, so that a proof, which takes that many, seldom waits for one. */
const COMMIT_EVERY = 3

export class SessionMachine {
  readonly #options: SessionMachineOptions
  readonly #servers: ServerList
  #identity: SessionIdentity | undefined
  #timeoutMs: number
  #timing: BeatTiming
  #proof: TouchProof<Now>
  #phase: Phase = { is: 'idle' }
  #attachedOnce = false
  #lastZxid = 0n
  #connections = 0
  #xid = 0
  #provenMs = -Infinity
  #giveUpMs = Infinity
  #closing = false
  #waiting: Request[] = []
  #inFlight: InFlight[] = []
  #beatsInFlight = 0
  #beats = 0
  /** A session that was attached again, until its new server has proven that its leader is one. */
  #rejoinedAt: Now | undefined
  readonly #losses = new Map<number, number>()
  #effects: Effect[] = []

  constructor(options: SessionMachineOptions) {
    this.#options = options
    this.#servers = new ServerList(options.servers, options.random)
    this.#identity = options.session
    this.#timeoutMs = options.timeoutMs
    this.#timing = beatTiming(options.timeoutMs, options.tickMs)
    this.#proof = new TouchProof(this.#timing.pingGapMs)
  }

  /** Undefined until a server granted it. */
  get identity(): SessionIdentity | undefined {
    return this.#identity
  }

  /** What the servers granted; before that what is asked for. */
  get timeoutMs(): number {
    return this.#timeoutMs
  }

  /** Takes the effects since the last call, in order. */
  drain(): readonly Effect[] {
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  /** When to call `wake`; undefined: only messages matter. */
  get dueMs(): number | undefined {
    const phase = this.#phase
    const due = this.#dueOf(phase)
    return due === undefined ? undefined : Math.min(due, this.#giveUpMs)
  }

  #dueOf(phase: Phase): number | undefined {
    switch (phase.is) {
      case 'pausing':
      case 'joining':
        return phase.untilMs
      case 'attached':
        return Math.min(phase.beatMs, this.#silentMs(phase.heardMs))
      case 'idle':
      case 'ended':
        return undefined
      default:
        return phase satisfies never
    }
  }

  start(now: Now): void {
    if (this.#phase.is !== 'idle') return
    this.#giveUpMs = now.ms + this.#options.openMs
    this.#dial(now)
  }

  /** TCP, and TLS where it is asked for, stand. */
  dialled(connection: number, now: Now): void {
    const phase = this.#phase
    if (phase.is !== 'joining' || phase.connection !== connection) return
    phase.sentAt = now
    this.#send(
      connection,
      encodeConnect({
        sessionId: this.#identity?.id ?? 0n,
        password: this.#identity?.password ?? noPassword,
        timeoutMs: Math.round(this.#options.timeoutMs),
        lastZxidSeen: this.#lastZxid,
      }),
    )
  }

  /** One frame of the server's. What cannot be read costs the connection, not the session. */
  received(connection: number, frame: Frame, now: Now): void {
    const phase = this.#phase
    if ((phase.is !== 'joining' && phase.is !== 'attached') || phase.connection !== connection) return
    try {
      if (phase.is === 'joining') this.#joined(phase, frame, now)
      else {
        phase.heardMs = now.ms
        this.#heard(frame, now)
      }
    } catch (error) {
      this.lost(connection, error instanceof Error ? error.message : String(error), now)
    }
  }

  lost(connection: number, reason: string, now: Now): void {
    const phase = this.#phase
    if ((phase.is !== 'joining' && phase.is !== 'attached') || phase.connection !== connection) return
    this.#effects.push({ is: 'hang-up', connection })
    if (phase.is === 'attached') this.#detach(reason)
    const pauseMs = this.#servers.failed(phase.server, reason)
    if (this.#hasGivenUp(now)) return
    if (pauseMs === 0) this.#dial(now)
    else this.#phase = { is: 'pausing', untilMs: now.ms + pauseMs }
  }

  wake(now: Now): void {
    const phase = this.#phase
    if (this.#hasGivenUp(now)) return
    switch (phase.is) {
      case 'pausing':
        if (now.ms >= phase.untilMs) this.#dial(now)
        return
      case 'joining':
        if (now.ms >= phase.untilMs) this.lost(phase.connection, 'no answer in time', now)
        return
      case 'attached':
        if (now.ms >= this.#silentMs(phase.heardMs)) return this.lost(phase.connection, 'it fell silent', now)
        if (now.ms >= phase.beatMs) this.#beat(phase, now)
        return
      case 'idle':
      case 'ended':
        return
      default:
        phase satisfies never
    }
  }

  submit(request: Request, now: Now): void {
    if (this.#phase.is === 'ended' || this.#closing) {
      this.#answer(request.id, new ZooKeeperError('SESSIONEXPIRED'))
    } else if (this.#waiting.length + this.#inFlight.length >= REQUESTS_MAX) {
      this.#answer(request.id, new ZooKeeperError('QUEUEFULL'))
    } else {
      this.#waiting.push(request)
      this.#pump(now)
    }
  }

  /** Says goodbye, which frees at once whatever the session holds; ends in any case, in bounded time. */
  close(now: Now): void {
    const phase = this.#phase
    if (phase.is === 'ended' || this.#closing) return
    this.#closing = true
    this.#giveUpMs = now.ms + Math.min(CLOSE_MS, this.#timeoutMs)
    // Nothing is held by a session that nobody was granted.
    if (this.#identity === undefined) return this.#end({ why: 'closed' })
    if (phase.is === 'attached') this.#sayGoodbye(phase.connection, now)
  }

  /** The process is gone, as far as the ensemble can see. */
  abandon(): void {
    this.#end({ why: 'closed' })
  }

  // ---- connections ----------------------------------------------------------------------------------------------

  #dial(now: Now): void {
    this.#connections += 1
    const connection = this.#connections
    const server = this.#servers.take()
    const half = this.#timeoutMs / 2
    const patienceMs = Math.max(Math.min(500, half), half / this.#servers.count)
    this.#phase = { is: 'joining', connection, server, untilMs: now.ms + patienceMs, sentAt: undefined }
    this.#effects.push({ is: 'dial', connection, server })
  }

  #joined(phase: Extract<Phase, { is: 'joining' }>, { bytes, cut }: Frame, now: Now): void {
    const { sentAt } = phase
    if (sentAt === undefined) throw protocolError('an answer came before the question')
    if (cut !== undefined) throw protocolError(`a frame of ${cut.length} bytes`)
    const { timeoutMs, sessionId, password } = decodeConnect(bytes)
    if (timeoutMs <= 0 || sessionId === 0n) return this.#end({ why: this.#closing ? 'closed' : 'expired' })
    const isNew = this.#identity === undefined
    this.#identity = { id: sessionId, password }
    this.#timeoutMs = timeoutMs
    this.#timing = beatTiming(timeoutMs, this.#options.tickMs)
    this.#proof = new TouchProof(this.#timing.pingGapMs)
    this.#servers.succeeded()
    if (!this.#closing) this.#giveUpMs = Infinity
    const { connection, server } = phase
    this.#phase = {
      is: 'attached',
      connection,
      server,
      heardMs: now.ms,
      beatMs: now.ms + this.#timing.beatMs,
    }
    this.#effects.push({ is: 'attached', timeoutMs, first: !this.#attachedOnce })
    this.#attachedOnce = true
    // The server that takes a session has the ZooKeeper leader count it anew (`Leader.REVALIDATE`). A new one was written by
    // a majority; for an old one the word of a leader is enough, who may be none any more.
    const { provenBy } = this.#options
    if (isNew || provenBy === undefined) this.#renewed(sentAt)
    else this.#rejoinedAt = sentAt
    for (const { scheme, credentials } of this.#options.auth)
      this.#send(connection, encodeAuth(scheme, credentials))
    if (this.#closing) return this.#sayGoodbye(connection, now)
    for (const paths of this.#options.watched())
      this.#send(connection, encodeSetWatches(this.#lastZxid, paths))
    this.#beats = 0
    if (this.#rejoinedAt !== undefined) this.#beat(this.#phase, now)
    this.#pump(now)
  }

  #pump(now: Now): void {
    const phase = this.#phase
    if (phase.is !== 'attached' || this.#closing) return
    const room = Math.max(0, IN_FLIGHT_MAX - this.#inFlight.length)
    for (const request of this.#waiting.splice(0, room))
      this.#transmit(phase.connection, request.operation, request, now)
  }

  /** What was under way may or may not have happened. */
  #detach(reason: string): void {
    const inFlight = this.#inFlight
    this.#inFlight = []
    this.#beatsInFlight = 0
    this.#rejoinedAt = undefined
    this.#proof.reset()
    this.#effects.push({ is: 'detached', reason })
    const again: Request[] = []
    for (const { request } of inFlight) {
      if (request === undefined) continue
      const losses = (this.#losses.get(request.id) ?? 0) + 1
      if (request.repeat && losses < LOSSES_MAX) {
        this.#losses.set(request.id, losses)
        again.push(request)
      } else this.#answer(request.id, new ZooKeeperError('CONNECTIONLOSS'))
    }
    this.#waiting = [...again, ...this.#waiting]
  }

  #hasGivenUp(now: Now): boolean {
    if (now.ms < this.#giveUpMs) return this.#phase.is === 'ended'
    if (this.#closing) this.#end({ why: 'closed' })
    else if (!this.#attachedOnce) {
      const phase = this.#phase
      if (phase.is === 'joining') this.#servers.silent(phase.server)
      this.#end({ why: 'unreachable', tried: this.#servers.tried() })
    }
    return this.#over()
  }

  #over(): boolean {
    return this.#phase.is === 'ended'
  }

  #end(end: SessionEnd): void {
    const phase = this.#phase
    if (phase.is === 'ended') return
    if (phase.is === 'joining' || phase.is === 'attached')
      this.#effects.push({ is: 'hang-up', connection: phase.connection })
    this.#phase = { is: 'ended' }
    const open = [...this.#inFlight.flatMap(({ request }) => request ?? []), ...this.#waiting]
    this.#inFlight = []
    this.#waiting = []
    for (const { id } of open) this.#answer(id, new ZooKeeperError(endCode(end)))
    this.#effects.push({ is: 'ended', end })
  }

  // ---- messages -------------------------------------------------------------------------------------------------

  #heard({ bytes, cut }: Frame, now: Now): void {
    const reader = new JuteReader(bytes)
    const { xid, zxid, error } = readReplyHeader(reader)
    if (zxid > this.#lastZxid) this.#lastZxid = zxid
    switch (xid) {
      case xids.notification:
        this.#effects.push({ is: 'watch', event: readWatchEvent(reader) })
        return
      case xids.auth:
        if (error !== 0) this.#end({ why: 'auth-failed' })
        return
      case xids.ping:
      case xids.setWatches:
        return
      default:
        this.#replied({ xid, error, cut }, reader, now)
    }
  }

  #replied(
    { xid, error, cut }: { readonly xid: number; readonly error: number; readonly cut: Frame['cut'] },
    reader: JuteReader,
    now: Now,
  ): void {
    const first = this.#inFlight[0]
    if (first?.xid !== xid) throw protocolError(`an answer to request ${xid}, expected ${first?.xid}`)
    const code = error === 0 ? undefined : errorName(error)
    if (code === 'SESSIONEXPIRED') return this.#end({ why: this.#closing ? 'closed' : 'expired' })
    // Another connection has this session, or had it: attaching again tells which (ZOOKEEPER-710).
    if (code === 'SESSIONMOVED') throw new ZooKeeperError(code)
    // Asked again it would be as long: that is for its author to know.
    const answer =
      cut === undefined
        ? readReply(reader, first.operation, error)
        : new ZooKeeperError('ANSWERTOOLONG', pathOf(first.operation), cut)
    this.#inFlight.shift()
    this.#pump(now)
    if (first.operation.op === 'closeSession') return this.#end({ why: 'closed' })
    if (first.request !== undefined) return this.#answer(first.request.id, answer)
    this.#beatsInFlight -= 1
    // A refusal of the whole, such as THROTTLEDOP, was never put to the others; one of the check was.
    const proven = this.#proof.acknowledged(now.ms, error === 0)
    if (proven !== undefined) this.#renewed(proven)
    if (this.#rejoinedAt !== undefined && first.operation.op === 'multi' && error === 0) {
      this.#renewed(this.#rejoinedAt)
      this.#rejoinedAt = undefined
    }
  }

  #renewed(sentAt: Now): void {
    if (sentAt.ms <= this.#provenMs) return
    this.#provenMs = sentAt.ms
    this.#effects.push({ is: 'renewed', sentAt: sentAt.at })
  }

  #beat(phase: Extract<Phase, { is: 'attached' }>, now: Now): void {
    phase.beatMs = now.ms + this.#timing.beatMs
    if (this.#beatsInFlight >= BEATS_IN_FLIGHT_MAX) return
    const { provenBy } = this.#options
    const commits = provenBy !== undefined && this.#beats % COMMIT_EVERY === 0
    this.#beats += 1
    this.#beatsInFlight += 1
    this.#proof.sent(now, now.ms, commits || provenBy === undefined)
    this.#transmit(phase.connection, commits ? commit(provenBy) : beat, undefined, now)
  }

  /** Since when the connection is silent for too long, if it stays so. */
  #silentMs(heardMs: number): number {
    const oldest = this.#inFlight[0]
    return oldest === undefined ? Infinity : Math.max(heardMs, oldest.sentMs) + this.#timing.silenceMs
  }

  #sayGoodbye(connection: number, now: Now): void {
    this.#transmit(connection, { op: 'closeSession' }, undefined, now)
  }

  #transmit(connection: number, operation: Operation, request: Request | undefined, now: Now): void {
    this.#xid = this.#xid === 0x7fffffff ? 1 : this.#xid + 1
    this.#inFlight.push({ xid: this.#xid, operation, request, sentMs: now.ms })
    this.#send(connection, encodeOperation(this.#xid, operation))
  }

  #send(connection: number, bytes: Buffer): void {
    this.#effects.push({ is: 'send', connection, bytes })
  }

  #answer(request: number, answer: Reply | ZooKeeperError): void {
    this.#losses.delete(request)
    this.#effects.push({ is: 'answered', request, answer })
  }
}

/** A check alone is a transaction like any other to ZooKeeper: numbered, and taken by a majority. */
function commit(path: string): Operation {
  return { op: 'multi', operations: [{ op: 'check', path, version: -1 }] }
}

function endCode({ why }: SessionEnd): string {
  return why === 'auth-failed' ? 'AUTHFAILED' : why === 'unreachable' ? 'CONNECTIONLOSS' : 'SESSIONEXPIRED'
}
