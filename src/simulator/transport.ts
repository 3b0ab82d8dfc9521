/**
 * The Transport seam of one run of a peer, and the connections of clients, over the simulated network. Who may stand for
 * a peer is decided by the code that decides it over TCP (`cluster/tcp-identity`).
 */
import type { PeerIdentity } from '../cluster/peer-options.ts'
import { PeerIdentities } from '../cluster/tcp-identity.ts'
import { ShownStarts } from '../cluster/tcp-starts.ts'
import type { Codec } from '../cluster/codec.ts'
import type { Wire } from '../cluster/wire.ts'
import { MandateError } from '../errors.ts'
import type { ProcessIdentity } from '../seams/storage.ts'
import type { ClientId, ConnectClient, Lane, Transport, TransportEvents } from '../seams/transport.ts'
import type { Incarnation } from './incarnation.ts'
import { markOf } from './message-mark.ts'
import type { AnyPeerMessage } from './history.ts'
import type { End, Listener, Network } from './network.ts'
import { PeerLink, type Answer, type Hello } from './peer-link.ts'
import type { ProcessClock } from './process-clock.ts'
import type { Stream } from './streams.ts'

const SILENCE_CHECK_MS = 1000
const SILENT_MS = 3000
const MAX_INBOUND = 8

/** What the history wants to know. */
export interface TransportTap {
  sent(to: string, message: AnyPeerMessage): void
  received(from: string, message: AnyPeerMessage): void
  rejected(peer: string, reason: string): void
  refused(peer: string): void
}

export interface SimulatedTransportOptions<ToPeer, FromHolder, ToHolder> {
  readonly network: Network
  readonly process: Incarnation
  readonly clock: ProcessClock
  readonly chance: Stream
  readonly peers: readonly string[]
  readonly identity: PeerIdentity
  readonly cluster: string
  readonly heartbeatMs: number
  /** Encodes and decodes every message, as TCP does. Null: they are handed over as they are. */
  readonly wire: Wire<ToPeer, FromHolder, ToHolder> | null
  readonly tap: TransportTap
}

export class SimulatedTransport<ToPeer extends AnyPeerMessage, FromHolder, ToHolder>
  implements Transport<ToPeer, FromHolder, ToHolder>, Listener
{
  readonly process: Incarnation
  readonly #options: SimulatedTransportOptions<ToPeer, FromHolder, ToHolder>
  readonly #starts: ShownStarts
  readonly #identities: PeerIdentities
  readonly #links = new Map<string, PeerLink>()
  /** By peer, oldest first: on what it speaks to us. */
  readonly #inbound = new Map<string, Set<End>>()
  readonly #clients = new Map<ClientId, End>()
  #lastClient = 0
  #events: TransportEvents<ToPeer, FromHolder> | null = null
  #closed = false

  constructor(options: SimulatedTransportOptions<ToPeer, FromHolder, ToHolder>) {
    const { process, identity } = options
    this.process = process
    this.#options = options
    this.#starts = new ShownStarts(identity)
    this.#identities = new PeerIdentities(
      identity.remembered,
      (record) => identity.remember(record),
      options.heartbeatMs,
    )
    for (const to of options.peers) if (to !== process.process) this.#links.set(to, this.#linkTo(to))
  }

  async start(events: TransportEvents<ToPeer, FromHolder>): Promise<void> {
    if (!this.process.touch('dial')) return new Promise(() => undefined)
    this.#events = events
    if (!this.#options.network.listen(this)) {
      throw new MandateError('ADDRESS_IN_USE', `'${this.process.process}' runs already`, {
        address: this.process.process,
      })
    }
    for (const link of this.#links.values()) link.start()
    this.#watchSilence()
    await Promise.resolve()
  }

  send(to: string, message: ToPeer, lane: Lane): void {
    if (!this.process.touch('send')) return
    this.#options.tap.sent(to, message)
    this.#links.get(to)?.send(encoded(this.#options.wire?.peers, message), lane, markOf(message))
  }

  sendToClient(client: ClientId, message: ToHolder): void {
    if (!this.process.touch('send')) return
    this.#clients.get(client)?.send(encoded(this.#options.wire?.toHolders, message), 0, 40, true)
  }

  problem(peer: string): string | undefined {
    return this.#links.get(peer)?.problem
  }

  async close(): Promise<void> {
    if (!this.process.touch('dial')) return new Promise(() => undefined)
    this.process.act(() => this.#end())
    await Promise.resolve()
  }

  #end(): void {
    if (this.#closed) return
    this.#closed = true
    this.#events = null
    this.#options.network.unlisten(this)
    for (const link of this.#links.values()) link.close()
    for (const ends of this.#inbound.values()) for (const end of ends) end.close('connection closed')
    for (const end of this.#clients.values()) end.close('connection closed')
    this.#inbound.clear()
    this.#clients.clear()
  }

  accept(end: End, word: unknown): void {
    const hello = word as Hello
    if (this.#closed) return end.close('connection closed')
    if (hello.is === 'client') return this.#takeClient(end)
    this.#starts.asked(hello.from, hello.seen)
    const reason = this.#admit(hello.from, hello.shown)
    if (reason !== undefined) {
      this.#options.tap.rejected(hello.from, reason)
      this.#answer(end, { is: 'rejected', reason })
      end.close('rejected')
      return
    }
    this.#keepNewest(hello.from, MAX_INBOUND - 1)
    const ends = this.#inbound.get(hello.from) ?? new Set()
    this.#inbound.set(hello.from, ends.add(end))
    this.#answer(end, { is: 'welcome', shown: this.#starts.shownTo(hello.from) })
    end.take({
      closed: () => ends.delete(end),
      frame: (frame) => {
        const message = decoded(this.#options.wire?.peers, frame)
        this.#identities.heard(hello.from, this.#options.clock.lower())
        if (this.#events === null) return
        this.#options.tap.received(hello.from, message)
        this.#events.peerMessage(hello.from, message)
      },
    })
    this.#links.get(hello.from)?.seen(hello.shown.run)
  }

  #answer(end: End, answer: Answer): void {
    end.send(answer, 0, 7, true)
  }

  #takeClient(end: End): void {
    const client = ++this.#lastClient
    this.#clients.set(client, end)
    this.#answer(end, { is: 'welcome', shown: this.#starts.shownTo(null) })
    end.take({
      closed: () => {
        if (this.#clients.delete(client)) this.#events?.clientGone(client)
      },
      frame: (frame) => this.#events?.clientMessage(client, decoded(this.#options.wire?.fromHolders, frame)),
    })
  }

  /** Why the process may not stand for `peer`. */
  #admit(peer: string, shown: ProcessIdentity): string | undefined {
    const { clock } = this.#options
    const connected = (this.#inbound.get(peer)?.size ?? 0) > 0
    const admission = this.#identities.admit(peer, shown, clock.lower(), connected)
    if (admission.is === 'refused') return admission.message
    this.#identities.heard(peer, clock.lower())
    if (admission.is === 'new') this.#keepNewest(peer, 0)
    return undefined
  }

  #keepNewest(peer: string, count: number): void {
    const ends = this.#inbound.get(peer) ?? new Set()
    for (const end of [...ends].slice(0, Math.max(0, ends.size - count))) {
      ends.delete(end)
      end.reset('replaced')
    }
  }

  #linkTo(to: string): PeerLink {
    const { network, process, clock, chance, tap } = this.#options
    return new PeerLink({
      network,
      process,
      clock,
      chance,
      to,
      hello: () => ({
        is: 'peer',
        from: process.process,
        seen: this.#identities.seen(to),
        shown: this.#starts.shownTo(to),
      }),
      objection: (shown) => this.#admit(to, shown),
      events: {
        up: ({ incarnation }) => this.#events?.peerUp(to, incarnation),
        down: (reason) => this.#events?.peerDown(to, reason),
        refused: () => {
          tap.refused(to)
          this.#events?.peerRefused(to)
        },
        rejected: (reason) => tap.rejected(to, reason),
      },
    })
  }

  #watchSilence(): void {
    this.#options.clock.setTimer(SILENCE_CHECK_MS, () => {
      if (this.#closed) return
      for (const link of this.#links.values()) if (link.unansweredMs > SILENT_MS) link.refresh()
      this.#watchSilence()
    })
  }
}

/** How a client of this process reaches a peer; the address is the peer's id. */
export function clientConnector<FromHolder, ToHolder>({
  network,
  process,
  cluster,
  wire,
}: Pick<SimulatedTransportOptions<never, FromHolder, ToHolder>, 'network' | 'process' | 'cluster'> & {
  readonly wire: Pick<Wire<never, FromHolder, ToHolder>, 'fromHolders' | 'toHolders'> | null
}): ConnectClient<FromHolder, ToHolder> {
  return (request) =>
    new Promise((resolve, reject) => {
      const { address, signal, events } = request
      if (!process.touch('dial')) return
      const cancelled = (): void => {
        dial.cancel()
        reject(
          new MandateError('CANCELLED', 'connecting was cancelled', { reason: signal?.reason as unknown }),
        )
      }
      const dial = network.dial(process, address, { is: 'client' } satisfies Hello, {
        failed: (kind) => {
          signal?.removeEventListener('abort', cancelled)
          const reason = `${kind} at ${address}`
          reject(new MandateError('BACKEND_UNAVAILABLE', reason, { tried: [{ target: address, reason }] }))
        },
        answered: (end) => {
          signal?.removeEventListener('abort', cancelled)
          end.take({
            frame: (frame) => events.message(decoded(wire?.toHolders, frame)),
            closed: (reason) => events.closed(reason),
          })
          resolve({
            peer: address,
            cluster,
            send: (message) => {
              if (process.touch('send')) end.send(encoded(wire?.fromHolders, message), 0, 41, true)
            },
            close: () => {
              if (process.touch('dial')) end.close('connection closed')
            },
          })
        },
      })
      if (signal?.aborted === true) return cancelled()
      signal?.addEventListener('abort', cancelled, { once: true })
    })
}

function encoded<Message>(codec: Codec<Message> | undefined, message: Message): unknown {
  return codec === undefined ? message : codec.encode(message)
}

function decoded<Message>(codec: Codec<Message> | undefined, frame: unknown): Message {
  return codec === undefined ? (frame as Message) : codec.decode(frame as Uint8Array)
}
