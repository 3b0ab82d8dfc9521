/**
 * The embedded Raft backend over seams: what `raft()` runs on real sockets and disks, and tests and the simulator on
 * others. It owns the peer of this process, if it is one, and gives every session and reader its way to a sponsor.
 */
import { connectAsClient } from '../cluster/client.ts'
import { startPeer, type Peer } from '../cluster/driver.ts'
import { stoppedError } from '../cluster/stopped-error.ts'
import type { PeerOptions, TuningMode } from '../cluster/peer-options.ts'
import type { HolderMessage, PeerStatus, SponsorMessage } from '../cluster/messages.ts'
import { Reader } from '../cluster/reader.ts'
import type { ConnectSponsor, SponsorLink } from '../cluster/sponsor-link.ts'
import { MandateError } from '../errors.ts'
import { shortestLeaseMs } from '../lease/timing-rules.ts'
import type { Timing } from '../lease/timing.ts'
import type { Clock, Timer } from '../seams/clock.ts'
import type { ConnectClient } from '../seams/transport.ts'
import { version } from '../version.ts'
import { askOverLink } from './ask-over-link.ts'
import type {
  BackendDriver,
  BackendEnv,
  BackendFacts,
  Cancellable,
  ObserveEvents,
  OperatorRequest,
  SessionRequest,
  SessionTicket,
} from './backend.ts'
import { CandidateSessions } from './candidate-sessions.ts'
import { askPeers, stoppedByItself, type ClusterView, type StatusRequest } from './cluster-view.ts'
import { unreachableMessage, type Tried } from './embedded-refusals.ts'
import { RaftSession } from './raft-session.ts'
import { settledOrAborted } from './settled.ts'
import { tellObserver } from './tell-observer.ts'

/** How this backend reaches the world. */
export interface RaftEdges {
  /** Of the peer in this process; null for a client. */
  readonly peer: Pick<PeerOptions, 'self' | 'storage' | 'transport' | 'tap'> | null
  readonly connectClient: ConnectClient<HolderMessage, SponsorMessage>
  /** The peer plays an election for itself once it is idle, so that its first real one runs compiled code. @default false */
  readonly warmsUp?: boolean
}

/** After the start, which has its own election to hold, in ms. */
const WARM_UP_MS = 100

export interface RaftDriverOptions {
  readonly peers: Readonly<Record<string, string>>
  readonly cluster: string
  readonly timing: Timing
  /** @default 'fixed' */
  readonly tuning?: TuningMode | undefined
  readonly tokenBase: bigint
  readonly logBytesMax: number
}

export type { ClusterView, StatusRequest } from './cluster-view.ts'

export const raftFacts = (timing: Timing): BackendFacts => ({
  guarantee: 'linearizable',
  exclusivity: ['time', 'token'],
  tokenSource: 'raft log index',
  order: 'fair',
  transfer: 'directed',
  proclaim: true,
  earlyLoss: [],
  operatorRequests: true,
  limits: { minLeaseMs: shortestLeaseMs(timing), nameBytes: 253, metadataBytes: 4096, nestedNames: true },
})

export class RaftDriver implements BackendDriver {
  readonly facts: BackendFacts
  readonly #options: RaftDriverOptions
  readonly #edges: RaftEdges
  readonly #env: BackendEnv
  #peer: Peer | null = null
  #warmUpTimer: Timer | null = null
  readonly #sessions = new CandidateSessions()

  constructor(options: RaftDriverOptions, edges: RaftEdges, env: BackendEnv) {
    this.facts = raftFacts(options.timing)
    this.#options = options
    this.#edges = edges
    this.#env = env
  }

  async start(): Promise<void> {
    const { peer } = this.#edges
    if (peer === null) return
    const { clock, random } = this.#env
    const report = this.#env.report.bind(this.#env)
    this.#peer = await startPeer({ ...this.#options, ...peer, version, clock, random, report })
    if (this.#edges.warmsUp === true)
      this.#warmUpTimer = clock.setTimer(WARM_UP_MS, () => void this.#warmUp(this.#peer))
  }

  async #warmUp(peer: Peer | null): Promise<void> {
    const { clock, random } = this.#env
    const { warmUp } = await import('./raft-warm-up.ts')
    await warmUp({
      random,
      pause: () => new Promise((resolve) => clock.afterPoll(resolve)),
      stopped: () => this.#peer !== peer,
    })
  }

  open(request: SessionRequest, { signal }: Cancellable): Promise<RaftSession> {
    const { cluster, peers, timing } = this.#options
    const { candidateId, leaseMs = timing.leaseMs } = request
    const { heartbeatMs, maxClockDrift, tickMs } = timing
    const own = {
      cluster,
      voters: Object.keys(peers),
      heartbeatMs,
      maxClockDrift,
      tickMs,
      candidateId,
      leaseMs,
    }
    return this.#sessions.open(
      { candidateId, leaseMs },
      (closed) => new RaftSession({ ...own, env: this.#env, connect: this.#connect(), closed }),
      { signal },
    )
  }

  async openObserver(): Promise<{
    readonly scope: string
    observe(election: string, on: ObserveEvents): { close(): void }
    close(): Promise<void>
  }> {
    const { reader, link } = readerOver(this.#connect())
    return {
      scope: this.#options.cluster,
      observe: (election, on) => reader.observe(election, (state) => tellObserver(on, state)),
      close: async () => link.close(),
    }
  }

  /** Takes the lease away from a session whose holder is surely dead: its successors need not wait for it. */
  async releaseSession(ticket: SessionTicket, { signal }: Cancellable): Promise<'released' | 'gone'> {
    let link: SponsorLink | null = null
    const released = new Promise<'released' | 'gone'>((resolve, reject) => {
      link = this.#connect()({
        up: () => link?.send({ type: 'close', session: ticket.session }),
        down: () => undefined,
        gone: reject,
        message: (message) => {
          if (message.type !== 'session-ended' || message.session !== ticket.session) return
          resolve(message.error.details?.['what'] === 'unknown session' ? 'gone' : 'released')
        },
      })
    })
    try {
      return await settledOrAborted(released, signal)
    } finally {
      ;(link as SponsorLink | null)?.close()
    }
  }

  ask(request: OperatorRequest, { signal }: Cancellable): Promise<'told' | 'no-such-candidate'> {
    const { clock } = this.#env
    const everyMs = this.#options.timing.electionTimeoutMs[0]
    return askOverLink(this.#connect(), request, { clock, everyMs, signal })
  }

  async close(): Promise<void> {
    const peer = this.#peer
    this.#peer = null
    this.#warmUpTimer?.cancel()
    await peer?.close()
  }

  status({ signal, election, timeoutMs = 1500 }: StatusRequest): Promise<ClusterView> {
    return askPeers(this.#options.peers, (peer, address) => {
      const isOwn = this.#peer !== null && peer === this.#edges.peer?.self
      if (isOwn && this.#peer?.failure !== undefined) return stoppedByItself(this.#peer.failure)
      const connect = (failed: (reason: string) => void): ConnectSponsor =>
        isOwn
          ? this.#connect()
          : this.#connectTo({ [peer]: address }, ([tried]) => failed(tried?.reason ?? 'no answer'))
      return askForStatus(connect, this.#env.clock, election ?? null, timeoutMs, signal)
    })
  }

  #connect(): ConnectSponsor {
    const peer = this.#peer
    if (peer === null) {
      if (this.#edges.peer !== null)
        throw new MandateError('CLOSED', 'This peer is not running.', { what: 'peer' })
      return this.#connectTo(this.#options.peers)
    }
    if (peer.failure !== undefined) throw stoppedError(peer.failure)
    return (events) => {
      const link = peer.attach({
        received: (message) => events.message(message),
        gone: (error) => events.gone(error),
        beat: () => events.beat?.(),
      })
      // Known at once, told later: nothing happens inside `connect`.
      queueMicrotask(() => events.up())
      return { host: link.host, beats: true, send: link.send, change: () => undefined, close: link.close }
    }
  }

  #connectTo(
    peers: Readonly<Record<string, string>>,
    unreachable: (tried: readonly Tried[]) => void = (tried) =>
      this.#env.report({
        during: 'connecting to the cluster',
        error: new MandateError('BACKEND_UNAVAILABLE', unreachableMessage(tried), { tried }),
      }),
  ): ConnectSponsor {
    const { clock, random } = this.#env
    return (events) =>
      connectAsClient(
        {
          peers,
          cluster: this.#options.cluster,
          connect: this.#edges.connectClient,
          clock,
          random,
          unreachable,
        },
        events,
      )
  }
}

function readerOver(connect: ConnectSponsor): { readonly reader: Reader; readonly link: SponsorLink } {
  const reader: Reader = new Reader(
    (message) => link.send(message),
    (reason) => link.change(reason),
  )
  const link: SponsorLink = connect({
    up: () => reader.up(),
    down: (reason) => reader.down(reason),
    gone: (error) => reader.down(error.message),
    message: (message) => {
      if (message.type === 'observed' || message.type === 'status') reader.received(message)
    },
  })
  return { reader, link }
}

/** The status, or why there is none: the first failure to connect is answer enough. */
async function askForStatus(
  connect: (failed: (reason: string) => void) => ConnectSponsor,
  clock: Clock,
  election: string | null,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<PeerStatus | string> {
  let settle!: (answer: PeerStatus | string) => void
  const answer = new Promise<PeerStatus | string>((resolve) => (settle = resolve))
  const { reader, link } = readerOver(connect(settle))
  const timer = clock.setTimer(timeoutMs, () => settle(`no answer within ${timeoutMs} ms`))
  reader.status(election, settle)
  try {
    return await settledOrAborted(answer, signal)
  } finally {
    timer.cancel()
    link.close()
  }
}
