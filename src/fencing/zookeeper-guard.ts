/**
 * Writes into ZooKeeper that only the leader of an election there can make: one transaction checks that the leader's own
 * znode still stands, and writes. It goes with its session, so the ensemble itself judges, and no clock does.
 */
import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { ZooKeeperClient } from '../clients/zookeeper/client.ts'
import { ZooKeeperError, isZooKeeperError } from '../clients/zookeeper/error-codes.ts'
import type { MultiOperation } from '../clients/zookeeper/operations.ts'
import type { Acl } from '../clients/zookeeper/records.ts'
import { isServerAddress } from '../clients/zookeeper/server-list.ts'
import type { SessionEnd } from '../clients/zookeeper/session-machine.ts'
import type { TlsOptions } from '../clients/zookeeper/socket.ts'
import { MandateError } from '../errors.ts'
import type { Clock } from '../seams/clock.ts'
import type { Random } from '../seams/random.ts'
import { checkFence, foreignScope, staleToken } from './guard.ts'
import type { Fence } from './guard.ts'
import { electionPath, ownPath } from './zookeeper-layout.ts'

export interface ZooKeeperGuardOptions {
  /** host:port each, as those of the backend. */
  readonly servers: readonly string[]
  /** As the backend's. @default '' */
  readonly chroot?: string | undefined
  /** As the backend's. @default 0n */
  readonly tokenBase?: bigint | undefined
  /** `user:password` of the scheme `digest`. */
  readonly auth?: string | undefined
  readonly tls?: TlsOptions | undefined
  /** Of this guard's own session, in ms; it holds nothing. @default 10_000 */
  readonly sessionMs?: number | undefined
}

/** Paths are below the chroot. `version`: only if the znode has it. */
export type ZooKeeperWrite =
  | { readonly create: string; readonly data: string | Uint8Array }
  | { readonly set: string; readonly data: string | Uint8Array; readonly version?: number | undefined }
  | { readonly delete: string; readonly version?: number | undefined }

export type ZooKeeperWriteResult =
  | { readonly is: 'written' }
  /** By ZooKeeper, for another reason than the token: `BADVERSION`, `NODEEXISTS`, `NONODE`, … of one of the paths. */
  | { readonly is: 'refused'; readonly path: string; readonly reason: string }

export interface ZooKeeperGuard {
  /**
   * All of it or nothing. After BACKEND_UNAVAILABLE it may have been written.
   * @throws LEADERSHIP_LOST, CLUSTER_MISMATCH, INVALID_OPTIONS, BACKEND_UNAVAILABLE, FORBIDDEN
   */
  write(fence: Fence, writes: readonly ZooKeeperWrite[]): Promise<ZooKeeperWriteResult>
  /**
   * For a transaction of your own client: a check of this znode (with its chroot), any version, fails as soon as the
   * fence is stale. @throws as `write`
   */
  condition(fence: Fence): Promise<{ readonly check: string }>
  /** Ends its session, which keeps the process alive until then. */
  close(): Promise<void>
}

const OPEN_MS = 5000
/** How long an answer is waited for, whatever the servers do: the client itself looks for them for ever. */
const ANSWER_MS = 5000
const FRAME_BYTES_MAX = 1024 * 1024
/** Tokens whose znode is remembered. */
const KNOWN_MAX = 1000

/** @throws INVALID_OPTIONS */
export function zookeeperGuard(options: ZooKeeperGuardOptions): ZooKeeperGuard {
  return new Guard(options)
}

class Guard implements ZooKeeperGuard {
  readonly #options: ZooKeeperGuardOptions
  readonly #chroot: string
  readonly #acl: readonly Acl[]
  /** By election and token; a znode's name never comes again, so it need not be looked for twice. */
  readonly #known = new Map<string, string>()
  #client: ZooKeeperClient | undefined
  #ended: { readonly promise: Promise<SessionEnd>; readonly resolve: (end: SessionEnd) => void } | undefined
  #isClosed = false

  constructor(options: ZooKeeperGuardOptions) {
    const { servers, chroot = '', auth } = options
    if (!Array.isArray(servers) || servers.length === 0 || !servers.every(isServerAddress))
      throw invalid('servers', 'a list of host:port with ports of 1-65535')
    if (chroot !== '' && !/^(\/[^/]+)+$/.test(chroot)) throw invalid('chroot', "a path such as '/app'")
    if (auth !== undefined && !/^[^:]+:./s.test(auth)) throw invalid('auth', "'user:password'")
    this.#options = options
    this.#chroot = chroot
    // What is created belongs to these credentials and is readable by all; without any it is open, as the backend's is.
    const owner = auth === undefined ? { scheme: 'world', id: 'anyone' } : { scheme: 'auth', id: '' }
    this.#acl = [
      { perms: 31, ...owner },
      { perms: 1, scheme: 'world', id: 'anyone' },
    ]
  }

  async write(given: Fence, writes: readonly ZooKeeperWrite[]): Promise<ZooKeeperWriteResult> {
    const fence = checkFence(given)
    const operations = writes.map((write) => operation(write, this.#acl))
    const node = await this.#nodeOf(fence)
    try {
      await this.#answer((client) => client.multi([{ op: 'check', path: node, version: -1 }, ...operations]))
      return { is: 'written' }
    } catch (error) {
      const path = error instanceof ZooKeeperError ? error.path?.slice(this.#chroot.length) : undefined
      if (isZooKeeperError(error, 'NONODE') && path === node) throw staleToken(fence)
      if (isZooKeeperError(error, 'BADVERSION', 'NODEEXISTS', 'NONODE', 'NOTEMPTY', 'BADARGUMENTS'))
        return { is: 'refused', path: path ?? '', reason: error.code }
      throw this.#failure(error)
    }
  }

  async condition(given: Fence): Promise<{ readonly check: string }> {
    return { check: `${this.#chroot}${await this.#nodeOf(checkFence(given))}` }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#client?.close()
    await this.#ended?.promise
  }

  /** The znode that the token names: its czxid. It leads, or is gone: what is before it in the queue only ever leaves. */
  async #nodeOf(fence: Fence): Promise<string> {
    const key = `${fence.scope} ${fence.token} ${fence.election}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const node = await this.#find(fence)
    if (this.#known.size >= KNOWN_MAX) this.#known.clear()
    this.#known.set(key, node)
    return node
  }

  async #find(fence: Fence): Promise<string> {
    try {
      return await this.#answer((client) => this.#findBy(client, fence))
    } catch (error) {
      throw this.#failure(error)
    }
  }

  async #findBy(client: ZooKeeperClient, fence: Fence): Promise<string> {
    const parent = electionPath(fence.election)
    const [, scope, children] = await Promise.all([
      client.sync('/'),
      client.getData(ownPath).then(({ data }) => data.toString('utf8')),
      client.getChildren(parent).then(({ children: names }) => names, noChildren),
    ])
    if (scope !== fence.scope) throw foreignScope(fence, scope)
    const czxid = fence.token - (this.#options.tokenBase ?? 0n)
    for (const name of children) {
      const path = `${parent}/${name}`
      const stat = await client.exists(path).catch(unlessGone)
      if (stat?.czxid === czxid) return path
    }
    throw staleToken(fence)
  }

  /** Whoever gets none in time gives the session up; the next who asks opens another, in bounded time. */
  async #answer<T>(ask: (client: ZooKeeperClient) => Promise<T>): Promise<T> {
    const client = this.#session()
    // Twice its timeout after the last answer nothing is left of its session.
    const waitMs = Math.min(ANSWER_MS, 2 * client.timeoutMs)
    const timer = setTimeout(() => client.abandon(), waitMs)
    try {
      return await ask(client)
    } finally {
      clearTimeout(timer)
    }
  }

  /** One session for all writes, opened by the first and again after it expired. */
  #session(): ZooKeeperClient {
    if (this.#isClosed) throw new MandateError('CLOSED', 'the guard is closed', { what: 'guard' })
    if (this.#client !== undefined && this.#client.end === undefined) return this.#client
    let resolve!: (end: SessionEnd) => void
    const promise = new Promise<SessionEnd>((settle) => (resolve = settle))
    this.#ended = { promise, resolve }
    const { servers, auth, tls, sessionMs = 10_000 } = this.#options
    this.#client = new ZooKeeperClient(
      {
        clock: plainClock,
        random: plainRandom,
        servers,
        chroot: this.#chroot,
        timeoutMs: sessionMs,
        tickMs: undefined,
        openMs: OPEN_MS,
        auth: auth === undefined ? [] : [{ scheme: 'digest', credentials: Buffer.from(auth) }],
        tls,
        frameBytesMax: FRAME_BYTES_MAX,
      },
      { ended: resolve },
    )
    this.#client.start()
    return this.#client
  }

  #failure(error: unknown): unknown {
    if (!(error instanceof ZooKeeperError)) return error
    const { end } = this.#client ?? {}
    const tried = end?.why === 'unreachable' ? end.tried : []
    if (error.code === 'NOAUTH' || error.code === 'AUTHFAILED') {
      const reason = `ZooKeeper denies ${error.path ?? 'these credentials'}`
      return new MandateError('FORBIDDEN', `${reason}; give auth, or grant it`, { reason })
    }
    const list = tried.map(({ target, reason }) => `${target} (${reason})`).join(', ')
    return new MandateError(
      'BACKEND_UNAVAILABLE',
      `ZooKeeper did not answer: ${error.message}${list === '' ? '' : `; tried ${list}`}`,
      { tried },
      { cause: error },
    )
  }
}

function operation(write: ZooKeeperWrite, acl: readonly Acl[]): MultiOperation {
  if ('create' in write) {
    return { op: 'create', path: path(write.create), data: bytes(write.data), acl, mode: 'persistent' }
  }
  const { version = -1 } = write
  if ('set' in write) return { op: 'setData', path: path(write.set), data: bytes(write.data), version }
  return { op: 'delete', path: path(write.delete), version }
}

function path(text: unknown): string {
  if (typeof text === 'string' && /^(\/[^/]+)+$/.test(text)) return text
  throw invalid('writes', "paths such as '/jobs/last', below the chroot")
}

function bytes(data: string | Uint8Array): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data, 'utf8') : data
}

function invalid(option: string, expected: string): MandateError<'INVALID_OPTIONS'> {
  return new MandateError('INVALID_OPTIONS', `${option}: expected ${expected}`, { option, expected })
}

function noChildren(error: unknown): readonly string[] {
  if (isZooKeeperError(error, 'NONODE')) return []
  throw error
}

function unlessGone(error: unknown): undefined {
  if (isZooKeeperError(error, 'NONODE')) return undefined
  throw error
}

/** Nothing is led by this session, so its clock decides nothing but when to try again. */
const plainClock: Clock = {
  upper: () => ({ monotonicMs: performance.now(), wallMs: 0, bootMs: 0 }),
  elapsedMs: ({ monotonicMs }) => performance.now() - monotonicMs,
  lower: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer: (delayMs, fire) => {
    const timer = setTimeout(fire, delayMs)
    return { cancel: () => clearTimeout(timer) }
  },
  afterPoll: (run) => {
    const timer = setImmediate(run)
    return { cancel: () => clearImmediate(timer) }
  },
}

const plainRandom: Random = {
  next: () => randomBytes(4).readUInt32BE() / 2 ** 32,
  id: () => randomBytes(8).toString('hex'),
}
