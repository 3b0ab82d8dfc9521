/**
 * The Transport over TCP. Links go one way: every peer dials every other, and hears it on the connections that the
 * other dialled. Clients use the same port.
 */
import { MandateError } from '../errors.ts'
import type { Clock, Timer } from '../seams/clock.ts'
import type { Random } from '../seams/random.ts'
import type { ProcessIdentity } from '../seams/storage.ts'
import type { ClientId, Lane, Transport, TransportEvents } from '../seams/transport.ts'
import type { ErrorReply, HolderMessage, PeerMessage, PeerRecord, SponsorMessage } from './messages.ts'
import { raftWire, type Wire } from './wire.ts'
import { cachedNames, parseAddress } from './tcp-address.ts'
import type { Connection } from './tcp-connection.ts'
import {
  encodeFrame,
  maxBulkBytes,
  maxClientBytes,
  maxSponsorBytes,
  maxUrgentBytes,
  type Frame,
} from './tcp-frame.ts'
import { peerHelloFrame, unexpected, welcomeFrame, type PeerHello, type Welcome } from './tcp-handshake.ts'
import { PeerIdentities } from './tcp-identity.ts'
import { PeerLink } from './tcp-link.ts'
import { TcpListener } from './tcp-listener.ts'
import { Receipts } from './tcp-receipts.ts'
import { ShownStarts } from './tcp-starts.ts'

/** How often, and how long after a message without a receipt, a link is dialled afresh beside the one that seems stuck. */
const SILENCE_CHECK_MS = 1000
const SILENT_MS = 3000
/** Connections of one peer: two lanes, and those that a fresh dial left behind. */
const MAX_INBOUND = 8
/** The same complaint is not repeated sooner. */
const REPORT_PAUSE_MS = 10_000
const DEFAULT_MAX_CLIENTS = 10_000

/** The identity is that of `storage.open()`. */
export interface TcpTransportOptions extends ProcessIdentity {
  readonly self: string
  readonly cluster: string
  /** The other peers as they were let in before this process started. */
  readonly remembered?: readonly PeerRecord[] | undefined
  /** A process of another peer was let in for the first time. */
  readonly remember?: ((record: PeerRecord) => void) | undefined
  /** Every peer, id → `host:port`. */
  readonly peers: Readonly<Record<string, string>>
  readonly listen: string
  /** Listen off loopback although nothing is encrypted. @default false */
  readonly insecure?: boolean | undefined
  /** How often a process that runs is heard. */
  readonly heartbeatMs: number
  /** @default 10000 */
  readonly maxClients?: number | undefined
  readonly clock: Clock
  readonly random: Random
  report(failure: { readonly during: string; readonly error: unknown }): void
}

/** What was lost or turned away, since the start. */
export interface TcpCounts {
  /** Messages to peers and clients that were dropped: no link, no room, too large. */
  dropped: number
  /** Connections ended because of bytes that are no frame, or a frame that is no message. */
  garbage: number
  /** Connections that never got past the handshake. */
  turnedAway: number
}

export interface TcpTransport<
  ToPeer = PeerMessage,
  FromHolder = HolderMessage,
  ToHolder = SponsorMessage,
> extends Transport<ToPeer, FromHolder, ToHolder> {
  /** Where it listens, once started. */
  readonly address: string
  readonly counts: Readonly<TcpCounts>
}

/** @throws INVALID_OPTIONS for an address that is none, NOT_A_PEER if `self` is not among the peers */
export function tcpTransport(options: TcpTransportOptions): TcpTransport {
  return tcpTransportOf(raftWire, options)
}

/** The same for any engine. @throws INVALID_OPTIONS, NOT_A_PEER as above */
export function tcpTransportOf<ToPeer, FromHolder, ToHolder>(
  wire: Wire<ToPeer, FromHolder, ToHolder>,
  options: TcpTransportOptions,
): TcpTransport<ToPeer, FromHolder, ToHolder> {
  return new TcpPeerTransport(wire, options)
}

class TcpPeerTransport<ToPeer, FromHolder, ToHolder> implements TcpTransport<ToPeer, FromHolder, ToHolder> {
  readonly counts: TcpCounts = { dropped: 0, garbage: 0, turnedAway: 0 }
  readonly #wire: Wire<ToPeer, FromHolder, ToHolder>
  readonly #options: TcpTransportOptions
  readonly #starts: ShownStarts
  readonly #identities: PeerIdentities
  readonly #links = new Map<string, PeerLink>()
  readonly #listener: TcpListener
  /** By peer, oldest first: the connections on which that peer speaks to us. */
  readonly #inbound = new Map<string, Set<Connection>>()
  readonly #clients = new Map<ClientId, Connection>()
  readonly #reportedAtMs = new Map<string, number>()
  #events: TransportEvents<ToPeer, FromHolder> | undefined
  #silenceCheck: Timer | undefined
  #lastClient = 0
  #closing: Promise<void> | undefined

  constructor(wire: Wire<ToPeer, FromHolder, ToHolder>, options: TcpTransportOptions) {
    this.#wire = wire
    const { self, cluster, peers, clock } = options
    const ids = Object.keys(peers)
    if (!ids.includes(self)) {
      throw new MandateError('NOT_A_PEER', `'${self}' is none of the peers ${ids.join(', ')}`, {
        id: self,
        peers: ids,
      })
    }
    this.#options = options
    const { remembered = [], remember = () => undefined, heartbeatMs } = options
    this.#identities = new PeerIdentities(remembered, remember, heartbeatMs)
    this.#starts = new ShownStarts(options)
    this.#listener = new TcpListener({
      listen: options.listen,
      insecure: options.insecure ?? false,
      greeter: { engine: wire.engine, self, cluster, peers: ids },
      clock,
      events: {
        peer: (hello, connection) => this.#takePeer(hello, connection),
        client: (connection) => this.#takeClient(connection),
        turnedAway: (remote, error) => this.#turnedAway(remote, error),
        failed: (error) => this.#report('accepting connections', error),
      },
    })
    const names = cachedNames()
    for (const [peer, address] of Object.entries(peers)) {
      names.refresh(parseAddress(address).host)
      if (peer !== self) this.#links.set(peer, this.#linkTo(peer, address, names))
    }
  }

  get address(): string {
    return this.#listener.address
  }

  async start(events: TransportEvents<ToPeer, FromHolder>): Promise<void> {
    this.#events = events
    await this.#listener.start()
    // `close` may have been called while the listener started.
    if (this.#closing !== undefined) return
    for (const link of this.#links.values()) link.start()
    this.#watchSilence()
  }

  send(to: string, message: ToPeer, lane: Lane): void {
    const link = this.#links.get(to)
    if (link === undefined || !link.up) return this.#dropped()
    const payload = this.#wire.peers.encode(message)
    if (payload.length > maxBulkBytes)
      return this.#tooLarge(`a message to ${to}`, payload.length, maxBulkBytes)
    const fitting = payload.length > maxUrgentBytes ? 'bulk' : lane
    if (!link.send(encodeFrame('message', payload), fitting, this.#wire.supersedes(message))) this.#dropped()
  }

  sendToClient(client: ClientId, message: ToHolder): void {
    const connection = this.#clients.get(client)
    if (connection === undefined) return this.#dropped()
    const payload = this.#wire.toHolders.encode(message)
    if (payload.length > maxSponsorBytes)
      return this.#tooLarge('an answer to a client', payload.length, maxSponsorBytes)
    if (!connection.send(encodeFrame('message', payload))) this.#dropped()
  }

  problem(peer: string): string | undefined {
    return this.#links.get(peer)?.problem
  }

  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  async #end(): Promise<void> {
    this.#silenceCheck?.cancel()
    // The listener first: whoever notices that its link ended shall find nobody listening, and know.
    const closed = this.#listener.close()
    const gone = [...this.#links.values()].map((link) => new Promise<void>((resolve) => link.close(resolve)))
    for (const connections of this.#inbound.values()) for (const connection of connections) connection.end()
    for (const connection of this.#clients.values()) connection.end()
    this.#inbound.clear()
    this.#clients.clear()
    await Promise.all([...gone, closed])
  }

  /** The driver, unless it is closed: nothing is told to it afterwards. */
  get #driver(): TransportEvents<ToPeer, FromHolder> | undefined {
    return this.#closing === undefined ? this.#events : undefined
  }

  #linkTo(peer: string, address: string, names: ReturnType<typeof cachedNames>): PeerLink {
    const { self, cluster, clock, random } = this.#options
    return new PeerLink({
      peer,
      address,
      names,
      clock,
      random,
      hello: (lane) => {
        const seen = this.#identities.seen(peer)
        const { engine } = this.#wire
        return peerHelloFrame({
          engine,
          cluster,
          from: self,
          to: peer,
          lane,
          seen,
          ...this.#starts.shownTo(peer),
        })
      },
      objection: (welcome) => this.#objection(peer, address, welcome),
      events: {
        up: (welcome) => this.#driver?.peerUp(peer, welcome.incarnation),
        down: (reason) => this.#driver?.peerDown(peer, reason),
        refused: () => this.#driver?.peerRefused(peer),
        rejected: ({ reason, error }) => this.#report(`connection to ${peer}`, toError(error, reason)),
      },
    })
  }

  #objection(peer: string, address: string, welcome: Welcome): string | undefined {
    const { cluster } = this.#options
    if (welcome.cluster !== cluster)
      return `cluster id at ${address} is '${welcome.cluster}', ours is '${cluster}'`
    if (welcome.peer !== peer) return `peer '${welcome.peer}' answers at ${address}, not '${peer}'`
    return this.#admit(peer, welcome)
  }

  /** Why the process may not stand for `peer`; undefined if it may. */
  #admit(peer: string, shown: Welcome | PeerHello): string | undefined {
    const connected = (this.#inbound.get(peer)?.size ?? 0) > 0
    const admission = this.#identities.admit(peer, shown, this.#options.clock.lower(), connected)
    if (admission.is === 'refused') return admission.message
    this.#identities.heard(peer, this.#options.clock.lower())
    // What an earlier process still has to say would be mistaken for the new one's.
    if (admission.is === 'new') this.#keepNewest(peer, 0)
    return undefined
  }

  #takePeer(hello: PeerHello, connection: Connection): ErrorReply | undefined {
    const { from, lane } = hello
    this.#starts.asked(from, hello.seen)
    const message = this.#admit(from, hello)
    if (message !== undefined) return { code: 'DUPLICATE_ID', message, details: { id: from } }
    // An earlier connection of the same process stays: what is under way on it still counts.
    this.#keepNewest(from, MAX_INBOUND - 1)
    const connections = this.#inbound.get(from) ?? new Set()
    this.#inbound.set(from, connections.add(connection))
    connection.send(this.#welcomeTo(from))
    const receipts = new Receipts(this.#options.clock, (frame) => connection.send(frame))
    connection.handOver(
      {
        closed: (reason, garbage) => {
          receipts.stop()
          connections.delete(connection)
          if (garbage) this.#garbage(`frames of peer ${from}`, reason)
        },
        frame: (frame) => {
          const received = this.#wire.peers.decode(messageIn(frame))
          if (lane === 'urgent') receipts.received()
          this.#identities.heard(from, this.#options.clock.lower())
          this.#driver?.peerMessage(from, received)
        },
      },
      lane === 'bulk' ? maxBulkBytes : maxUrgentBytes,
    )
    this.#links.get(from)?.seen(hello.run)
    return undefined
  }

  /** Null: a client. */
  #welcomeTo(peer: string | null): Buffer {
    const { self, cluster } = this.#options
    return welcomeFrame({ peer: self, cluster, ...this.#starts.shownTo(peer) })
  }

  #keepNewest(peer: string, count: number): void {
    const connections = this.#inbound.get(peer) ?? new Set()
    for (const connection of [...connections].slice(0, Math.max(0, connections.size - count))) {
      connections.delete(connection)
      connection.destroy()
    }
  }

  #takeClient(connection: Connection): ErrorReply | undefined {
    const max = this.#options.maxClients ?? DEFAULT_MAX_CLIENTS
    if (this.#clients.size >= max) {
      const message = `peer '${this.#options.self}' serves ${max} clients already; connect to another peer`
      return { code: 'LIMIT_EXCEEDED', message, details: { limit: 'clients', value: max + 1, max } }
    }
    this.#lastClient += 1
    const client = this.#lastClient
    this.#clients.set(client, connection)
    connection.send(this.#welcomeTo(null))
    connection.handOver(
      {
        closed: (reason, garbage) => {
          if (garbage) this.#garbage('frames of a client', `${connection.remote}: ${reason}`)
          if (this.#clients.delete(client)) this.#driver?.clientGone(client)
        },
        frame: (frame) =>
          this.#driver?.clientMessage(client, this.#wire.fromHolders.decode(messageIn(frame))),
      },
      maxClientBytes,
    )
    return undefined
  }

  #watchSilence(): void {
    const { clock } = this.#options
    this.#silenceCheck = clock.setTimer(SILENCE_CHECK_MS, () => {
      for (const link of this.#links.values()) if (link.unansweredMs > SILENT_MS) link.refresh()
      this.#watchSilence()
    })
  }

  #dropped(): void {
    this.counts.dropped += 1
  }

  #tooLarge(what: string, value: number, max: number): void {
    this.#dropped()
    const message = `${what} has ${value} bytes, at most ${max} can be sent`
    this.#report('sending', new MandateError('LIMIT_EXCEEDED', message, { limit: 'frame bytes', value, max }))
  }

  #garbage(during: string, reason: string): void {
    this.counts.garbage += 1
    this.#report(during, new MandateError('PROTOCOL_ERROR', reason, { reason }))
  }

  #turnedAway(remote: string, error: ErrorReply): void {
    this.counts.turnedAway += 1
    // Port scanners and health checks connect and say nothing; that is no news.
    if (error.code === 'TIMEOUT') return
    if (error.code === 'PROTOCOL_ERROR') this.counts.garbage += 1
    this.#report('handshakes', toError({ ...error, message: `${remote}: ${error.message}` }, error.message))
  }

  /** At most one report of a kind in ten seconds: a flood of garbage must not become a flood of log lines. */
  #report(during: string, error: unknown): void {
    if (this.#closing !== undefined) return
    const nowMs = this.#options.clock.lower()
    const before = this.#reportedAtMs.get(during)
    if (before !== undefined && nowMs - before < REPORT_PAUSE_MS) return
    this.#reportedAtMs.set(during, nowMs)
    this.#options.report({ during, error })
  }
}

/** @throws PROTOCOL_ERROR */
function messageIn(frame: Frame): Uint8Array {
  if (frame.type !== 'message') throw unexpected(frame, 'a message')
  return frame.payload
}

function toError(error: ErrorReply | undefined, message: string): Error {
  if (error === undefined) return new MandateError('PROTOCOL_ERROR', message, { reason: message })
  // The details came over the wire: they fit the code if the other side is honest, and are only read by people.
  return new MandateError(error.code, error.message, error.details ?? { reason: error.message })
}
