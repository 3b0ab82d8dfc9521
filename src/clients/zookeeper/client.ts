import type { Clock, Instant, Timer } from '../../seams/clock.ts'
import type { Random } from '../../seams/random.ts'
import { ZooKeeperError, isZooKeeperError } from './error-codes.ts'
import type { CreateMode, Created, MultiOperation, Operation, Replies, Reply } from './operations.ts'
import type { Acl, Stat } from './records.ts'
import { SessionMachine } from './session-machine.ts'
import type { Effect, Now, SessionEnd, SessionIdentity } from './session-machine.ts'
import { openConnection } from './socket.ts'
import type { Connection, TlsOptions } from './socket.ts'
import { WatchTable } from './watch-table.ts'
import type { Watcher, WatchKind } from './watch-table.ts'

export interface ClientOptions {
  readonly clock: Clock
  readonly random: Random
  /** host:port each. */
  readonly servers: readonly string[]
  /** All paths are below it. @default '' */
  readonly chroot: string
  readonly timeoutMs: number
  readonly tickMs: number | undefined
  readonly openMs: number
  readonly auth: readonly { readonly scheme: string; readonly credentials: Uint8Array }[]
  readonly tls: TlsOptions | undefined
  readonly frameBytesMax: number
  /** To attach to, instead of a new one. */
  readonly session?: SessionIdentity | undefined
  /** As the machine's; below the chroot. */
  readonly provenBy?: string | undefined
}

/** Called synchronously, in order; none after `ended`. */
export interface ClientEvents {
  readonly attached?: (o: { readonly timeoutMs: number; readonly first: boolean }) => void
  readonly detached?: (reason: string) => void
  readonly renewed?: (sentAt: Instant) => void
  readonly ended?: (end: SessionEnd) => void
}

interface Call {
  readonly operation: Operation
  readonly watcher: Watcher | undefined
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: ZooKeeperError) => void
}

/**
 * A ZooKeeper session: requests as promises, watches as callbacks. A read is repeated until it is answered or the session
 * ends. Whatever writes is answered with CONNECTIONLOSS when its answer was lost: only its author knows what that means.
 */
export class ZooKeeperClient {
  readonly #options: ClientOptions
  readonly #on: ClientEvents
  readonly #machine: SessionMachine
  readonly #watches = new WatchTable()
  readonly #connections = new Map<number, Connection>()
  readonly #calls = new Map<number, Call>()
  #requests = 0
  #timer: Timer | undefined
  #timerMs: number | undefined
  #poll: Timer | undefined
  #running = false
  #ended: SessionEnd | undefined

  constructor(options: ClientOptions, on: ClientEvents = {}) {
    this.#options = options
    this.#on = on
    const { provenBy } = options
    this.#machine = new SessionMachine({
      ...options,
      provenBy: provenBy === undefined ? undefined : this.#whole(provenBy),
      watched: () => this.#watches.batches(),
    })
  }

  get identity(): SessionIdentity | undefined {
    return this.#machine.identity
  }

  get timeoutMs(): number {
    return this.#machine.timeoutMs
  }

  /** Undefined while it lives. */
  get end(): SessionEnd | undefined {
    return this.#ended
  }

  start(): void {
    this.#run((now) => this.#machine.start(now))
  }

  /** Says goodbye; `ended` follows in bounded time. */
  close(): void {
    this.#run((now) => this.#machine.close(now))
  }

  /** Hangs up without a word: the session lives on at the servers until it expires. */
  abandon(): void {
    this.#run(() => this.#machine.abandon())
  }

  create(path: string, data: Uint8Array, o: { mode: CreateMode; acl: readonly Acl[] }): Promise<Created> {
    return this.#call({ op: 'create', path: this.#whole(path), data, acl: o.acl, mode: o.mode }).then(
      (created) => ({ ...created, path: created.path.slice(this.#options.chroot.length) }),
    )
  }

  delete(path: string): Promise<undefined> {
    return this.#call({ op: 'delete', path: this.#whole(path), version: -1 })
  }

  /** NONODE leaves a watch for the znode's creation. */
  exists(path: string, watcher?: Watcher): Promise<Stat> {
    return this.#read({ op: 'exists', path: this.#whole(path), watch: watcher !== undefined }, watcher)
  }

  getData(path: string, watcher?: Watcher): Promise<Replies['getData']> {
    return this.#read({ op: 'getData', path: this.#whole(path), watch: watcher !== undefined }, watcher)
  }

  getChildren(path: string, watcher?: Watcher): Promise<Replies['getChildren']> {
    return this.#read({ op: 'getChildren', path: this.#whole(path), watch: watcher !== undefined }, watcher)
  }

  /** The paths of this session's own ephemeral znodes that begin so. */
  async getEphemerals(prefix: string): Promise<readonly string[]> {
    const paths = await this.#read({ op: 'getEphemerals', path: this.#whole(prefix) })
    return paths.map((path) => path.slice(this.#options.chroot.length))
  }

  /** What is read after it is no older than this call. */
  sync(path: string): Promise<undefined> {
    return this.#read({ op: 'sync', path: this.#whole(path) })
  }

  multi(operations: readonly MultiOperation[]): Promise<undefined> {
    return this.#call({
      op: 'multi',
      operations: operations.map((each) => ({ ...each, path: this.#whole(each.path) })),
    })
  }

  /** Creates what is missing of the chroot itself. */
  async createChroot(acl: readonly Acl[]): Promise<void> {
    const names = this.#options.chroot.split('/').slice(1)
    for (let depth = 1; depth <= names.length; depth += 1) {
      const path = `/${names.slice(0, depth).join('/')}`
      try {
        // Looked for first: a server checks the rights on the parent before it says that the znode is there.
        await this.#read({ op: 'exists', path, watch: false })
        continue
      } catch (error) {
        if (!isZooKeeperError(error, 'NONODE')) throw error
      }
      try {
        await this.#call(
          { op: 'create', path, data: Buffer.alloc(0), acl, mode: 'persistent' },
          { repeat: true },
        )
      } catch (error) {
        if (!isZooKeeperError(error, 'NODEEXISTS')) throw error
      }
    }
  }

  /** Of the znode at a whole path, chroot included, or of the nearest one above it that exists. */
  async nearestAcl(
    wholePath: string,
  ): Promise<{ readonly path: string; readonly acl: readonly Acl[] | undefined }> {
    for (let path = wholePath; ; path = path.slice(0, Math.max(1, path.lastIndexOf('/')))) {
      try {
        return { path, acl: await this.#read({ op: 'getAcl', path }) }
      } catch (error) {
        if (!isZooKeeperError(error, 'NONODE') || path === '/') return { path, acl: undefined }
      }
    }
  }

  /** Gives a watch up. */
  unwatch(path: string, watcher: Watcher): void {
    this.#watches.remove(this.#whole(path), watcher)
  }

  #whole(path: string): string {
    const { chroot } = this.#options
    if (chroot === '') return path
    return path === '/' ? chroot : `${chroot}${path}`
  }

  #read<O extends Operation>(operation: O, watcher?: Watcher): Promise<Replies[O['op']]> {
    return this.#call(operation, { repeat: true, watcher })
  }

  #call<O extends Operation>(
    operation: O,
    o: { readonly repeat?: boolean; readonly watcher?: Watcher | undefined } = {},
  ): Promise<Replies[O['op']]> {
    return new Promise<Reply>((resolve, reject) => {
      this.#requests += 1
      const id = this.#requests
      this.#calls.set(id, { operation, watcher: o.watcher, resolve, reject })
      this.#run((now) => this.#machine.submit({ id, operation, repeat: o.repeat ?? false }, now))
    }) as Promise<Replies[O['op']]>
  }

  // ---- the machine ----------------------------------------------------------------------------------------------

  #now(): Now {
    const { clock } = this.#options
    return { at: clock.upper(), ms: clock.lower() }
  }

  /** One input, and then whatever follows from it; what a callback asks for meanwhile comes behind. */
  #run(input: (now: Now) => void): void {
    input(this.#now())
    if (this.#running) return
    this.#running = true
    try {
      for (;;) {
        const effects = this.#machine.drain()
        if (effects.length === 0) break
        for (const effect of effects) this.#execute(effect)
      }
    } finally {
      this.#running = false
    }
    this.#arm()
  }

  #execute(effect: Effect): void {
    switch (effect.is) {
      case 'dial':
        return this.#dial(effect.connection, effect.server)
      case 'send':
        return this.#connections.get(effect.connection)?.send(effect.bytes)
      case 'hang-up':
        this.#connections.get(effect.connection)?.destroy()
        this.#connections.delete(effect.connection)
        return
      case 'attached':
        return this.#on.attached?.(effect)
      case 'detached':
        return this.#on.detached?.(effect.reason)
      case 'renewed':
        return this.#on.renewed?.(effect.sentAt)
      case 'answered':
        return this.#answered(effect.request, effect.answer)
      case 'watch':
        for (const watcher of this.#watches.fired(effect.event)) watcher(effect.event)
        return
      case 'ended':
        this.#ended = effect.end
        return this.#on.ended?.(effect.end)
      default:
        effect satisfies never
    }
  }

  #dial(connection: number, server: string): void {
    const { tls, frameBytesMax } = this.#options
    const opened = openConnection(
      server,
      { tls, frameBytesMax },
      {
        open: () => this.#run((now) => this.#machine.dialled(connection, now)),
        frame: (frame) => this.#run((now) => this.#machine.received(connection, frame, now)),
        lost: (reason) => {
          this.#connections.delete(connection)
          this.#run((now) => this.#machine.lost(connection, reason, now))
        },
      },
    )
    this.#connections.set(connection, opened)
  }

  /** Here, and not behind a promise: the event of a watch may be in the very next frame. */
  #answered(request: number, answer: Reply | ZooKeeperError): void {
    const call = this.#calls.get(request)
    if (call === undefined) return
    this.#calls.delete(request)
    const kind = call.watcher === undefined ? undefined : watchLeftBy(call.operation, answer)
    if (call.watcher !== undefined && kind !== undefined && 'path' in call.operation)
      this.#watches.add(kind, call.operation.path, call.watcher)
    if (answer instanceof ZooKeeperError) call.reject(answer)
    else call.resolve(answer)
  }

  #arm(): void {
    const dueMs = this.#machine.dueMs
    if (dueMs === undefined) {
      this.#timer?.cancel()
      this.#poll?.cancel()
      this.#timer = undefined
      this.#poll = undefined
      return
    }
    // A timer that is early enough looks again when it fires: most beats need no timer of their own.
    if (this.#poll !== undefined || (this.#timer !== undefined && (this.#timerMs ?? Infinity) <= dueMs))
      return
    this.#timer?.cancel()
    const { clock } = this.#options
    this.#timerMs = dueMs
    this.#timer = clock.setTimer(Math.max(0, dueMs - clock.lower()), () => {
      this.#timer = undefined
      // After a stall the answers wait in the socket: they are read before anybody is accused of silence.
      this.#poll = clock.afterPoll(() => {
        this.#poll = undefined
        this.#run((now) => this.#machine.wake(now))
      })
    })
  }
}

function watchLeftBy({ op }: Operation, answer: Reply | ZooKeeperError): WatchKind | undefined {
  if (answer instanceof ZooKeeperError)
    return op === 'exists' && answer.code === 'NONODE' ? 'exist' : undefined
  if (op === 'exists' || op === 'getData') return 'data'
  return op === 'getChildren' ? 'child' : undefined
}
