/**
 * Several peers and their clients in one process, joined by links whose delays and faults a test decides. It behaves
 * as TCP does: a lane is in order, a cut route delays frames and loses none of them, frames are lost only together
 * with their link. `loss` goes beyond TCP: it loses single messages.
 */
import { MandateError } from '../errors.ts'
import type { Clock } from '../seams/clock.ts'
import { between, type Random } from '../seams/random.ts'
import type {
  ClientConnection,
  ClientEvents,
  ConnectClient,
  Transport,
  TransportEvents,
} from '../seams/transport.ts'

export interface MemoryNetworkOptions {
  readonly clock: Clock
  readonly random: Random
  /** Everybody who may ever start. */
  readonly peers: readonly string[]
  /** @default 'memory' */
  readonly cluster?: string
  /** One way, drawn for each message. @default [0, 0] */
  readonly delayMs?: readonly [min: number, max: number]
}

export interface MemoryNetwork<PeerMessage, FromClient, ToClient> {
  /** A new process of `peer`; the one before must have been closed or crashed. */
  transport(peer: string, incarnation: number): Transport<PeerMessage, FromClient, ToClient>
  /** `address` is the peer's id. */
  readonly connectClient: ConnectClient<FromClient, ToClient>
  delay(minMs: number, maxMs: number): void
  /** The chance that a single message between two peers vanishes. */
  loss(probability: number): void
  /** Nothing gets from `from` to `to` until healed; frames sent that way wait. `'client'` stands for all clients. */
  cut(from: string, to: string): void
  /** Cuts both directions between `peer` and every other peer. */
  isolate(peer: string): void
  /** Mends one direction, or everything; what waited arrives in order. */
  heal(from?: string, to?: string): void
  /** Breaks the link with everything on it, as a middlebox's reset would; it is dialled again at once. */
  reset(from: string, to: string): void
  /** kill -9: its links break, and who dials it again is refused. */
  crash(peer: string): void
  /** Messages delivered so far between peers. */
  readonly delivered: number
}

interface Process<PeerMessage, FromClient, ToClient> {
  readonly peer: string
  readonly incarnation: number
  readonly events: TransportEvents<PeerMessage, FromClient>
  readonly links: Map<string, Link<Process<PeerMessage, FromClient, ToClient>>>
  readonly clients: Map<number, MemoryClient<FromClient, ToClient>>
}

/** One direction between two processes, as the dialling one sees it. */
interface Link<Target> {
  /** The process at the other end, while up. */
  target: Target | undefined
  state: 'dialling' | 'up' | 'down'
  problem: string
  /** Whatever was scheduled for an earlier connection finds another number here. */
  connection: number
}

interface MemoryClient<FromClient, ToClient> {
  readonly toPeer: (message: FromClient) => void
  readonly toClient: (message: ToClient) => void
  readonly hangUp: (reason: string) => void
}

/** Frames of one lane of one connection: in order, whatever delays were drawn. */
interface Pipe {
  arrivesAt: number
}

/** What a client is called in `cut` and `heal`. */
const CLIENT = 'client'
const DIAL_TIMEOUT_MS = 2000

export function memoryNetwork<PeerMessage, FromClient, ToClient>(
  options: MemoryNetworkOptions,
): MemoryNetwork<PeerMessage, FromClient, ToClient> {
  type Peer = Process<PeerMessage, FromClient, ToClient>
  const { clock, random, peers, cluster = 'memory' } = options
  const processes = new Map<string, Peer>()
  const cuts = new Set<string>()
  const pipes = new Map<string, Pipe>()
  let waiting: { readonly route: string; readonly run: () => void }[] = []
  let [minMs, maxMs] = options.delayMs ?? [0, 0]
  let lossProbability = 0
  let delivered = 0
  let connections = 0
  let clientIds = 0

  const route = (from: string, to: string): string => `${from}>${to}`

  /** Runs `arrive` after the delay, and not before what was sent into the same pipe earlier, nor while cut. */
  function carry(from: string, to: string, pipeName: string, arrive: () => void): void {
    let pipe = pipes.get(pipeName)
    if (pipe === undefined) pipes.set(pipeName, (pipe = { arrivesAt: 0 }))
    const now = clock.lower()
    pipe.arrivesAt = Math.max(pipe.arrivesAt, now + between(random, minMs, maxMs))
    const way = route(from, to)
    clock.setTimer(pipe.arrivesAt - now, () => {
      if (cuts.has(way)) waiting.push({ route: way, run: arrive })
      else arrive()
    })
  }

  /** A fresh route has no queue: for handshakes and news of a broken link. */
  function carryAlone(from: string, to: string, arrive: () => void): void {
    connections += 1
    const name = `once ${connections}`
    carry(from, to, name, arrive)
    pipes.delete(name)
  }

  function dial(self: Peer, to: string, evidence: boolean): void {
    const link = linkOf(self, to)
    if (link.state !== 'down') return
    link.state = 'dialling'
    connections += 1
    const mine = (link.connection = connections)
    const current = (): boolean => processes.get(self.peer) === self && link.connection === mine
    if (cuts.has(route(self.peer, to)) || cuts.has(route(to, self.peer))) link.problem = 'no answer'
    carryAlone(self.peer, to, () => {
      const other = processes.get(to)
      carryAlone(to, self.peer, () => {
        if (!current()) return
        if (other === undefined || processes.get(to) !== other) {
          link.state = 'down'
          link.problem = `connection refused at ${to}`
          if (evidence) self.events.peerRefused(to)
          // It may have started while the refusal was on its way.
          if (processes.has(to)) dial(self, to, false)
        } else {
          link.state = 'up'
          link.target = other
          self.events.peerUp(to, other.incarnation)
        }
      })
    })
  }

  function linkOf(self: Peer, to: string): Link<Peer> {
    let link = self.links.get(to)
    if (link === undefined) {
      link = { target: undefined, state: 'down', problem: 'not connected yet', connection: 0 }
      self.links.set(to, link)
    }
    return link
  }

  function breakLink(self: Peer, to: string, reason: string): void {
    const link = linkOf(self, to)
    const wasUp = link.state === 'up'
    if (link.state === 'down') return
    link.state = 'down'
    link.problem = reason
    for (const lane of ['urgent', 'bulk']) pipes.delete(`${link.connection} ${lane}`)
    link.connection = -1
    link.target = undefined
    if (wasUp) self.events.peerDown(to, reason)
    // `peerDown` may have closed this very process.
    if (processes.get(self.peer) === self) dial(self, to, wasUp)
  }

  function send(self: Peer, to: string, message: PeerMessage, lane: string): void {
    const link = self.links.get(to)
    if (link?.state !== 'up' || processes.get(self.peer) !== self) return
    if (lossProbability > 0 && random.next() < lossProbability) return
    const copy = structuredClone(message)
    const mine = link.connection
    const receiver = link.target
    carry(self.peer, to, `${mine} ${lane}`, () => {
      // A frame of a dead process still arrives; one for a dead process, or on a link that was reset, does not.
      if (receiver === undefined || processes.get(to) !== receiver) return
      if (processes.get(self.peer) === self && link.connection !== mine) return
      delivered += 1
      receiver.events.peerMessage(self.peer, copy)
    })
  }

  function end(self: Peer): void {
    if (processes.get(self.peer) !== self) return
    processes.delete(self.peer)
    for (const client of self.clients.values()) client.hangUp('connection closed')
    self.clients.clear()
    for (const other of processes.values()) {
      const link = linkOf(other, self.peer)
      const was = link.connection
      carryAlone(self.peer, other.peer, () => {
        if (processes.get(other.peer) !== other || link.connection !== was) return
        breakLink(other, self.peer, 'connection closed')
      })
    }
  }

  function transport(peer: string, incarnation: number): Transport<PeerMessage, FromClient, ToClient> {
    let self: Peer | undefined
    const alive = (): boolean => self !== undefined && processes.get(peer) === self
    return {
      async start(events): Promise<void> {
        if (!peers.includes(peer)) {
          throw new MandateError('NOT_A_PEER', `'${peer}' is none of the peers ${peers.join(', ')}`, {
            id: peer,
            peers,
          })
        }
        if (processes.has(peer)) {
          throw new MandateError('ADDRESS_IN_USE', `'${peer}' runs already`, { address: peer })
        }
        self = { peer, incarnation, events, links: new Map(), clients: new Map() }
        processes.set(peer, self)
        for (const other of peers) {
          if (other === peer) continue
          dial(self, other, false)
          const running = processes.get(other)
          if (running !== undefined) dial(running, peer, false)
        }
        await Promise.resolve()
      },
      send(to, message, lane): void {
        if (self !== undefined) send(self, to, message, lane)
      },
      sendToClient(client, message): void {
        if (alive()) self?.clients.get(client)?.toClient(structuredClone(message))
      },
      problem(other): string | undefined {
        const link = self?.links.get(other)
        if (link === undefined) return 'not connected yet'
        return link.state === 'up' ? undefined : link.problem
      },
      async close(): Promise<void> {
        if (self !== undefined) end(self)
        await Promise.resolve()
      },
    }
  }

  /** The two ends of one client connection; either end hangs up at most once. */
  function joinClient(server: Peer, events: ClientEvents<ToClient>): ClientConnection<FromClient> {
    clientIds += 1
    const id = clientIds
    const name = `${CLIENT} ${id}`
    let open = true
    const served = (): boolean => server.clients.has(id) && processes.get(server.peer) === server
    const client: MemoryClient<FromClient, ToClient> = {
      toPeer: (message) =>
        carry(CLIENT, server.peer, `${name} up`, () => {
          if (served()) server.events.clientMessage(id, message)
        }),
      toClient: (message) =>
        carry(server.peer, CLIENT, `${name} down`, () => {
          if (open) events.message(message)
        }),
      hangUp: (reason) =>
        carry(server.peer, CLIENT, `${name} down`, () => {
          if (!open) return
          open = false
          events.closed(reason)
        }),
    }
    server.clients.set(id, client)
    return {
      peer: server.peer,
      cluster,
      send(message): void {
        if (open) client.toPeer(structuredClone(message))
      },
      close(): void {
        if (!open) return
        open = false
        carry(CLIENT, server.peer, `${name} up`, () => {
          if (!served()) return
          server.clients.delete(id)
          server.events.clientGone(id)
        })
      },
    }
  }

  const connectClient: ConnectClient<FromClient, ToClient> = (request) =>
    new Promise((resolve, reject) => {
      const { address, signal, events } = request
      let settled = false
      const settle = (outcome: () => void): void => {
        if (settled) return
        settled = true
        timeout.cancel()
        signal?.removeEventListener('abort', cancel)
        outcome()
      }
      const fail = (error: unknown): void => settle(() => reject(error))
      const unavailable = (reason: string): void =>
        fail(new MandateError('BACKEND_UNAVAILABLE', reason, { tried: [{ target: address, reason }] }))
      const cancel = (): void =>
        fail(new MandateError('CANCELLED', 'connecting was cancelled', { reason: signal?.reason }))
      const timeout = clock.setTimer(DIAL_TIMEOUT_MS, () => unavailable(`no answer from ${address}`))
      if (signal?.aborted === true) return cancel()
      signal?.addEventListener('abort', cancel, { once: true })
      carryAlone(CLIENT, address, () => {
        const server = processes.get(address)
        carryAlone(address, CLIENT, () => {
          if (server === undefined || processes.get(address) !== server) {
            unavailable(`connection refused at ${address}`)
          } else if (request.cluster !== undefined && request.cluster !== cluster) {
            const details = { expected: request.cluster, actual: cluster }
            fail(new MandateError('CLUSTER_MISMATCH', `the cluster is '${cluster}'`, details))
          } else {
            settle(() => resolve(joinClient(server, events)))
          }
        })
      })
    })

  return {
    transport,
    connectClient,
    delay(min, max): void {
      minMs = min
      maxMs = max
    },
    loss(probability): void {
      lossProbability = probability
    },
    cut(from, to): void {
      cuts.add(route(from, to))
    },
    isolate(peer): void {
      for (const other of peers) {
        if (other === peer) continue
        cuts.add(route(peer, other))
        cuts.add(route(other, peer))
      }
    },
    heal(from, to): void {
      if (from === undefined || to === undefined) cuts.clear()
      else cuts.delete(route(from, to))
      const late = waiting.filter((frame) => !cuts.has(frame.route))
      waiting = waiting.filter((frame) => cuts.has(frame.route))
      for (const frame of late) frame.run()
    },
    reset(from, to): void {
      const self = processes.get(from)
      if (self !== undefined) breakLink(self, to, 'connection reset')
    },
    crash(peer): void {
      const self = processes.get(peer)
      if (self !== undefined) end(self)
    },
    get delivered() {
      return delivered
    },
  }
}
