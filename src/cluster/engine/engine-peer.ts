/**
 * One peer of an engine that is made of two cores (`engine.ts`): runs the peer's core, carries what sessions ask and are
 * answered, and keeps the disk. It decides nothing.
 */
import type { MandateError } from '../../errors.ts'
import { majoritySize } from '../../protocols/quorum/majority.ts'
import type { PeerId } from '../../protocols/quorum/types.ts'
import type { SessionKey } from '../../protocols/support/types.ts'
import type { SessionHost } from '../../registry/types.ts'
import type { ClientId } from '../../seams/transport.ts'
import { DiskQueue } from '../disk-queue.ts'
import { stoppedError } from '../stopped-error.ts'
import type { LogRecord, PeerRecord, PeerStatus } from '../messages.ts'
import { OperatorDesk } from '../operator-desk.ts'
import { NamedTimers } from '../timers.ts'
import { Turns } from '../turns.ts'
import { Contacts } from './contacts.ts'
import type { AnswerMessage, AskMessage, CarriedMessage, Core, CoreEffect, CoreInput } from './engine.ts'
import { coreSession } from './engine.ts'
import type { EnginePeerOptions, EngineTransport } from './engine-peer-options.ts'
import { Lanes } from './lanes.ts'
import { Mailbag } from './mailbag.ts'
import { readRecords } from './engine-records.ts'

/** A session, or whoever asks for the status, in this process. */
export interface LocalAsker<Reply> {
  /** Called between turns, never inside `send`. */
  received(message: AnswerMessage<Reply>): void
  /** At most once: this peer stopped by itself, and nothing is received any more. */
  gone?(error: MandateError): void
}

export interface LocalLine<Request> {
  readonly host: SessionHost
  send(message: AskMessage<Request>): void
  close(): void
}

type LogRecordOfEngine = Extract<LogRecord, { type: 'engine' }>['record']

interface Link<Reply> {
  readonly host: SessionHost | null
  send(message: AnswerMessage<Reply>): void
}

/** Opens the folder, recovers, listens; resolves when the peer answers. It does not wait for a quorum. */
export async function startEnginePeer<Request, Reply, Record extends object>(
  options: EnginePeerOptions<Request, Reply, Record>,
): Promise<EnginePeer<Request, Reply, Record>> {
  const { storage } = options
  const recovered = await storage.open()
  try {
    const { peers, records } = readRecords(recovered.records, options.engine, options.record)
    const born: { peer: EnginePeer<Request, Reply, Record> | null } = { peer: null }
    const transport = options.transport({
      ...recovered,
      remembered: peers,
      remember: (record) => born.peer?.remember(record),
    })
    const peer = (born.peer = new EnginePeer(options, transport, recovered.incarnation, records))
    await peer.start()
    return peer
  } catch (error) {
    await storage.close()
    throw error
  }
}

export class EnginePeer<Request, Reply, Record extends object> {
  readonly #options: EnginePeerOptions<Request, Reply, Record>
  readonly #transport: EngineTransport<Request, Reply>
  readonly #incarnation: number
  readonly #core: Core<Request, Reply, Record>
  readonly #timers: NamedTimers
  readonly #turns: Turns
  readonly #disk: DiskQueue<LogRecord>
  readonly #answers: Mailbag<Reply>
  /** Of the core itself, to other peers. */
  readonly #asks: Mailbag<Request>
  readonly #desk: OperatorDesk<Link<Reply>>
  /** Through which link each session speaks that is attached here. */
  readonly #links = new Map<SessionKey, Link<Reply>>()
  readonly #askers = new Map<Link<Reply>, LocalAsker<Reply>>()
  readonly #clients = new Map<ClientId, Link<Reply>>()
  readonly #contacts = new Contacts()
  readonly #lanes = new Lanes()
  #stopped = false
  #closing: Promise<void> | null = null
  #failure: unknown

  constructor(
    options: EnginePeerOptions<Request, Reply, Record>,
    transport: EngineTransport<Request, Reply>,
    incarnation: number,
    records: readonly Record[],
  ) {
    const { self, clock } = options
    this.#options = options
    this.#transport = transport
    this.#incarnation = incarnation
    this.#timers = new NamedTimers(clock)
    this.#turns = new Turns({
      afterTask: () => undefined,
      settle: () => {
        this.#answers.empty()
        this.#asks.empty()
        this.#lanes.settle()
        this.#disk.flush()
        return false
      },
      deliveryFailed: (error) => options.report({ during: 'delivery to a local session', error }),
      taskFailed: (error) => this.#fail('a step of the protocol', error),
    })
    this.#disk = new DiskQueue(options.storage, clock, (task) => this.#turns.enqueue(task), {
      persisted: () => undefined,
      wrote: () => undefined,
      failed: (error) => this.#fail('writing the log', error),
    })
    this.#answers = new Mailbag((via, session, replies) => this.#answer(via, session, replies))
    this.#asks = new Mailbag((to, session, requests) => {
      const host = { peer: self, incarnation }
      this.#say(to, { kind: 'ask', session, host, requests })
    })
    const voters = Object.keys(options.peers).toSorted()
    this.#desk = new OperatorDesk(
      self,
      { peers: voters, incarnation },
      {
        send: (to, message) => this.#transport.send(to, message, 'urgent'),
        // Not every core knows who holds an election: whoever is attached compares the token.
        holders: () => new Set(this.#links.values()),
        toLink: (link, message) => link.send(message),
      },
    )
    this.#core = options.createCore({ self, voters, incarnation, startedAt: clock.lower(), records })
  }

  async start(): Promise<void> {
    await this.#transport.start({
      peerUp: (peer, incarnation) =>
        this.#enqueue(() => {
          const gone = this.#contacts.up(peer, incarnation)
          if (gone !== null) this.#step({ type: 'evidence', peer, incarnation: gone })
        }),
      peerDown: (peer) => this.#enqueue(() => this.#contacts.down(peer)),
      peerRefused: (peer) =>
        this.#enqueue(() => {
          this.#step({ type: 'evidence', peer, incarnation: this.#contacts.down(peer) })
        }),
      peerMessage: (from, message) => this.#enqueue(() => this.#fromPeer(from, message)),
      clientMessage: (client, message) =>
        this.#enqueue(() => this.#fromLink(this.#clientLink(client), message)),
      clientGone: (client) =>
        this.#enqueue(() => {
          const link = this.#clients.get(client)
          this.#clients.delete(client)
          if (link !== undefined) this.#detach(link)
        }),
    })
  }

  /** For the next start: which process of another peer was let in. */
  remember(record: PeerRecord): void {
    this.#enqueue(() => this.#disk.note({ type: 'peer', ...record }))
  }

  /** A session or reader in this process. */
  attach(asker: LocalAsker<Reply>): LocalLine<Request> {
    let open = true
    const host = { peer: this.#options.self, incarnation: this.#incarnation }
    const link: Link<Reply> = {
      host,
      send: (message) =>
        this.#turns.deliver(() => {
          if (open) asker.received(message)
        }),
    }
    this.#askers.set(link, asker)
    return {
      host,
      send: (message) => {
        if (open) this.#enqueue(() => this.#fromLink(link, message))
      },
      close: () => {
        open = false
        this.#askers.delete(link)
        this.#enqueue(() => this.#detach(link))
      },
    }
  }

  /** Why this peer stopped by itself; undefined while it runs. */
  get failure(): unknown {
    return this.#failure
  }

  /** Ends everything at once without a word to anybody, as kill -9 does. */
  halt(): void {
    this.#stopped = true
    this.#timers.stop()
    this.#turns.stop()
  }

  /** Idempotent; every call waits for the end. */
  close(): Promise<void> {
    this.#closing ??= this.#shutDown()
    return this.#closing
  }

  async #shutDown(): Promise<void> {
    if (this.#stopped) return
    this.#writeLast()
    this.halt()
    await this.#transport.close()
    await this.#options.storage.close()
  }

  /** Nothing is answered after it, not even what waits for the disk. */
  #writeLast(): void {
    if (this.#failure !== undefined) return
    const record = this.#core.stop?.(this.#options.clock.lower()) ?? null
    if (record !== null) this.#disk.note(this.#recordOf(record))
    this.#disk.flush()
  }

  // ---- messages -------------------------------------------------------------------------------------------------

  #fromPeer(from: PeerId, message: CarriedMessage<Request, Reply>): void {
    this.#contacts.heard(from, this.#options.clock.lower())
    switch (message.kind) {
      case 'ask':
        this.#ask({ ...message, via: from })
        return
      case 'answer':
        this.#told(message.session, from, message.replies)
        return
      default:
        this.#desk.fromPeer(from, message)
    }
  }

  #fromLink(link: Link<Reply>, message: AskMessage<Request>): void {
    if (message.type === 'status') {
      link.send({ type: 'status', id: message.id, status: this.#status(message.election) })
      return
    }
    if (message.type !== 'ask') {
      this.#desk.fromLink(link, message)
      return
    }
    const { session, to, requests } = message
    const { host } = link
    this.#links.set(session, link)
    const { self, peers } = this.#options
    for (const peer of to === null ? Object.keys(peers) : [to]) {
      if (peer === self) this.#ask({ session, host, requests, via: self })
      else this.#say(peer, { kind: 'ask', session, host, requests })
    }
  }

  #say(to: PeerId, message: CarriedMessage<Request, Reply>): void {
    this.#transport.send(to, message, this.#lanes.next(to))
  }

  #ask({
    session,
    host,
    requests,
    via,
  }: {
    readonly session: SessionKey
    readonly host: SessionHost | null
    readonly requests: readonly Request[]
    readonly via: PeerId
  }): void {
    const from = { session, via, host }
    for (const request of requests) {
      this.#options.tap?.asked(from, request)
      this.#step({ type: 'request', from, request })
    }
  }

  #step(input: CoreInput<Request>): void {
    if (this.#stopped) return
    for (const effect of this.#core.step(input, this.#options.clock.lower())) this.#execute(effect)
  }

  #execute(effect: CoreEffect<Reply, Record, Request>): void {
    switch (effect.type) {
      case 'reply': {
        const { to, reply, after } = effect
        const put = (): void => {
          this.#options.tap?.answers(to, reply)
          this.#answers.put(to.via, to.session, reply)
        }
        if (after === undefined) put()
        else this.#disk.gate('engine', after, put)
        return
      }
      case 'ask': {
        const { to, request, after } = effect
        const put = (): void => this.#askOf(to, request)
        if (after === undefined) put()
        else this.#disk.gate('engine', after, put)
        return
      }
      case 'persist':
        this.#disk.write('engine', effect.sequence, [this.#recordOf(effect.record)])
        return
      case 'wake-at':
        if (effect.at === null) this.#timers.cancel('core')
        else this.#wakeAt(effect.at)
        return
      default:
        effect satisfies never
    }
  }

  #recordOf(record: Record): LogRecord {
    return { type: 'engine', engine: this.#options.engine, record: { ...record } as LogRecordOfEngine }
  }

  #askOf(to: PeerId, request: Request): void {
    const { self, tap } = this.#options
    tap?.asks(to, request)
    const session = coreSession(self)
    if (to !== self) this.#asks.put(to, session, request)
    else {
      const host = { peer: self, incarnation: this.#incarnation }
      this.#enqueue(() => this.#ask({ session, host, requests: [request], via: self }))
    }
  }

  /** It may let go of somebody who is silent: what waits in the sockets is read first. */
  #wakeAt(at: number): void {
    this.#timers.setAccusation('core', Math.max(0, at - this.#options.clock.lower()), () =>
      this.#enqueue(() => this.#step({ type: 'wake' })),
    )
  }

  #answer(via: PeerId, session: SessionKey, replies: readonly Reply[]): void {
    if (via === this.#options.self) this.#told(session, via, replies)
    else this.#say(via, { kind: 'answer', session, replies })
  }

  #told(session: SessionKey, from: PeerId, replies: readonly Reply[]): void {
    this.#links.get(session)?.send({ type: 'answer', session, from, replies })
  }

  #clientLink(client: ClientId): Link<Reply> {
    let link = this.#clients.get(client)
    if (link === undefined) {
      link = { host: null, send: (message) => this.#transport.sendToClient(client, message) }
      this.#clients.set(client, link)
    }
    return link
  }

  #detach(link: Link<Reply>): void {
    for (const [session, its] of this.#links) if (its === link) this.#links.delete(session)
    this.#desk.detached(link)
  }

  // ---- the rest -------------------------------------------------------------------------------------------------

  #status(election: string | null): PeerStatus {
    const { self, cluster, version, peers, clock, storage } = this.#options
    const now = clock.lower()
    const rows = Object.entries(peers).map(([id, address]) => ({
      id,
      address,
      reachable: id === self || this.#contacts.isUp(id),
      lastHeardMs: id === self ? 0 : this.#contacts.silentMs(id, now),
      problem: id === self ? null : (this.#transport.problem(id) ?? null),
    }))
    return {
      peer: self,
      cluster,
      version,
      role: 'follower',
      term: 0,
      leader: null,
      commitIndex: 0,
      appliedIndex: 0,
      logBytes: storage.bytes(),
      logBytesMax: Number.MAX_SAFE_INTEGER,
      quorum:
        rows.filter(({ reachable }) => reachable).length >=
        (this.#core.quorumSize?.(rows.length) ?? majoritySize(rows.length)),
      peers: rows,
      elections: this.#core.elections(election, now),
    }
  }

  #enqueue(task: () => void): void {
    this.#turns.enqueue(task)
  }

  /** Nothing can be promised any more: this peer falls silent, and the others decide without it. */
  #fail(during: string, error: unknown): void {
    if (this.#stopped) return
    this.#failure = error
    this.#options.report({ during, error })
    this.close().catch((cause: unknown) => this.#options.report({ during: 'closing the peer', error: cause }))
    const stopped = stoppedError(error)
    queueMicrotask(() => {
      for (const [link, asker] of [...this.#askers]) if (this.#askers.delete(link)) asker.gone?.(stopped)
    })
  }
}
