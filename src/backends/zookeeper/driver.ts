import { MandateError, isMandateError } from '../../errors.ts'
import { ownPath } from '../../fencing/zookeeper-layout.ts'
import { holderValidityMs } from '../../lease/deadline.ts'
import type { Instant } from '../../seams/clock.ts'
import type {
  BackendDriver,
  BackendEnv,
  BackendFacts,
  Cancellable,
  LeaseTiming,
  Observer,
  SessionRequest,
  SessionTicket,
} from '../backend.ts'
import { ZooKeeperClient } from '../../clients/zookeeper/client.ts'
import type { ClientEvents } from '../../clients/zookeeper/client.ts'
import type { Acl } from '../../clients/zookeeper/records.ts'
import type { SessionEnd, SessionIdentity } from '../../clients/zookeeper/session-machine.ts'
import type { TlsOptions } from '../../clients/zookeeper/socket.ts'
import { plainObserver } from '../observations.ts'
import { leastRemainingMs } from '../../clients/zookeeper/touch-proof.ts'
import type { Dialect } from './dialects.ts'
import { endError } from './failures.ts'
import type { Place } from './failures.ts'
import { settledOrAborted } from '../settled.ts'
import { ObserverHub } from './observer.ts'
import { scopeOf } from './scope.ts'
import { ZooKeeperSession } from './session.ts'
import { readTicket } from './ticket.ts'

export const zookeeperFacts: BackendFacts = {
  guarantee: 'linearizable',
  exclusivity: ['time'],
  tokenSource: "czxid of the candidate's znode",
  order: 'queue',
  transfer: 'none',
  proclaim: true,
  earlyLoss: ['operator'],
  limits: { minLeaseMs: 100, nameBytes: 253, metadataBytes: 4096, nestedNames: false },
}

export interface ZooKeeperDriverOptions {
  readonly servers: readonly string[]
  readonly chroot: string
  readonly dialect: Dialect
  readonly timing: LeaseTiming
  readonly serverTickMs: number | undefined
  readonly auth: string | undefined
  readonly acl: readonly Acl[]
  readonly tls: TlsOptions | undefined
  readonly tokenBase: bigint
  readonly connectMs: number
  readonly frameBytesMax: number
}

/** What sets one session apart from another. */
interface SessionWish {
  readonly timeoutMs: number
  /** To attach to. */
  readonly session?: SessionIdentity
  /** For one that holds something. */
  readonly provenBy?: string
}

/** A client with its first news: attached, or over. */
interface Opened {
  readonly client: ZooKeeperClient
  readonly place: Place
}

export class ZooKeeperDriver implements BackendDriver {
  readonly facts = zookeeperFacts
  readonly #options: ZooKeeperDriverOptions
  readonly #env: BackendEnv
  readonly #hub: ObserverHub
  readonly #closing = new Set<Promise<void>>()
  #toldAdjustment = false

  constructor(options: ZooKeeperDriverOptions, env: BackendEnv) {
    this.#options = options
    this.#env = env
    const { dialect, tokenBase, timing } = options
    this.#hub = new ObserverHub({
      ties: { dialect, tokenBase, env },
      connect: (on) => this.#client({ timeoutMs: timing.leaseMs }, on),
      patienceMs: timing.leaseMs / 2,
    })
  }

  async open(request: SessionRequest, o: Cancellable): Promise<ZooKeeperSession> {
    const { timing, dialect, acl, tokenBase } = this.#options
    const leaseMs = request.leaseMs ?? timing.leaseMs
    const bound: { session?: ZooKeeperSession; sentAt?: Instant } = {}
    const { client, place } = await this.#opened({ timeoutMs: leaseMs, provenBy: ownPath }, o, {
      attached: () => bound.session?.attached(),
      renewed: (sentAt) => {
        bound.sentAt = sentAt
        bound.session?.renewed(sentAt)
      },
      ended: (end) => bound.session?.ended(end),
    })
    try {
      const scope = await this.#scopeOf(place, o)
      const { sentAt } = bound
      if (client.end !== undefined || sentAt === undefined) throw endError(client.end ?? { why: 'expired' })
      this.#tellAdjustment(leaseMs, client.timeoutMs)
      this.#checkTick(client.timeoutMs)
      bound.session = new ZooKeeperSession({
        place,
        env: this.#env,
        timing,
        dialect,
        acl,
        tokenBase,
        scope,
        candidateId: request.candidateId,
        renewal: { sentAt, grantedMs: client.timeoutMs },
        observe: (election, on) => this.#hub.observe(election, on),
      })
      return bound.session
    } catch (error) {
      client.close()
      throw error
    }
  }

  async openObserver(o: Cancellable): Promise<Observer & { close(): Promise<void> }> {
    const { timing } = this.#options
    // One session to learn the scope; the readers share another, which lives as long as somebody reads.
    const { client, place } = await this.#opened({ timeoutMs: timing.leaseMs }, o, {})
    try {
      const scope = await this.#scopeOf(place, o).catch(unmarked)
      return plainObserver(scope, (election, on) => this.#hub.observe(election, on))
    } finally {
      client.close()
    }
  }

  /** With id and password anybody may attach to a session and close it, whatever its process does. */
  async releaseSession(ticket: SessionTicket, o: Cancellable): Promise<'released' | 'gone'> {
    const { timing } = this.#options
    const session = readTicket(ticket)
    const over: { resolve?: () => void } = {}
    const ended = new Promise<void>((resolve) => (over.resolve = resolve))
    try {
      const wish = { timeoutMs: timing.leaseMs, session }
      const { client } = await this.#opened(wish, o, { ended: () => over.resolve?.() })
      client.close()
    } catch (error) {
      if (error instanceof SessionGone) return 'gone'
      throw error
    }
    await settledOrAborted(ended, o.signal)
    return 'released'
  }

  async close(): Promise<void> {
    await this.#hub.close()
    await Promise.all(this.#closing)
  }

  /** In bounded time: a client that was attached once looks for its servers for ever. */
  async #scopeOf(place: Place, o: Cancellable): Promise<string> {
    const { acl, connectMs } = this.#options
    const timer = this.#env.clock.setTimer(connectMs, () => place.client.abandon())
    try {
      return await settledOrAborted(scopeOf(place, { random: this.#env.random, acl }), o.signal)
    } finally {
      timer.cancel()
    }
  }

  /** Resolves with the first server that takes the session. @throws CANCELLED, BACKEND_UNAVAILABLE, UNAUTHORIZED */
  async #opened(wish: SessionWish, o: Cancellable, on: ClientEvents): Promise<Opened> {
    const { chroot, auth } = this.#options
    const first: { settle?: (end: SessionEnd | undefined) => void } = {}
    const news = new Promise<SessionEnd | undefined>((resolve) => (first.settle = resolve))
    const client = this.#client(wish, {
      ...on,
      attached: (how) => {
        first.settle?.(undefined)
        on.attached?.(how)
      },
      ended: (end) => {
        first.settle?.(end)
        on.ended?.(end)
      },
    })
    client.start()
    let end: SessionEnd | undefined
    try {
      end = await settledOrAborted(news, o.signal)
    } catch (error) {
      client.close()
      throw error
    }
    if (end?.why === 'expired') throw new SessionGone()
    if (end !== undefined) throw endError(end)
    return { client, place: { client, authenticated: auth !== undefined, chroot } }
  }

  #client(wish: SessionWish, on: ClientEvents): ZooKeeperClient {
    const { servers, chroot, serverTickMs, auth, tls, connectMs, frameBytesMax } = this.#options
    const { clock, random } = this.#env
    const over: { resolve?: () => void } = {}
    const closed = new Promise<void>((resolve) => (over.resolve = resolve))
    this.#closing.add(closed)
    void closed.then(() => this.#closing.delete(closed))
    return new ZooKeeperClient(
      {
        clock,
        random,
        servers,
        chroot,
        ...wish,
        tickMs: serverTickMs,
        openMs: connectMs,
        auth: auth === undefined ? [] : [{ scheme: 'digest', credentials: Buffer.from(auth) }],
        tls,
        frameBytesMax,
      },
      {
        ...on,
        ended: (end) => {
          over.resolve?.()
          on.ended?.(end)
        },
      },
    )
  }

  /** Once: every session of one backend asks for much the same. */
  #tellAdjustment(askedMs: number, grantedMs: number): void {
    if (this.#toldAdjustment || Math.round(askedMs) === grantedMs) return
    this.#toldAdjustment = true
    const message =
      `the ZooKeeper servers keep sessions for ${grantedMs} ms where ${askedMs} ms were asked for ` +
      '(by default they allow 2 to 20 times their tickTime); the leases last as long as was granted'
    this.#env.report({
      during: 'opening a session',
      error: new MandateError('INVALID_OPTIONS', message, {
        option: 'sessionMs',
        value: askedMs,
        expected: `${grantedMs}`,
      }),
    })
    if (holderValidityMs(grantedMs, this.#options.timing) <= 0)
      throw new MandateError('INVALID_OPTIONS', message, { option: 'sessionMs', value: askedMs })
  }

  #checkTick(grantedMs: number): void {
    const { serverTickMs } = this.#options
    if (leastRemainingMs(grantedMs, serverTickMs) > 0) return
    const message = `with a tickTime of ${serverTickMs} ms no renewal is proven before a session of ${grantedMs} ms has run out; ask for longer sessions`
    throw new MandateError('INVALID_OPTIONS', message, { option: 'serverTickMs', value: serverTickMs })
  }
}

/**
 * Who may read but not write still sees who leads. Its tokens compare with nobody's: there is no candidate of ours whose
 * scope they could have.
 */
function unmarked(error: unknown): string {
  if (isMandateError(error, 'FORBIDDEN') || isMandateError(error, 'UNAUTHORIZED')) return 'unmarked'
  throw error
}

class SessionGone extends MandateError<'BACKEND_UNAVAILABLE'> {
  constructor() {
    super('BACKEND_UNAVAILABLE', 'the ZooKeeper session has expired', {})
  }
}
