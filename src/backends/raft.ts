/**
 * Elections by an embedded Raft cluster: every process that is listed in `peers` votes and may stand; other processes
 * stand as clients through any peer. No other service is needed.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { connectAsClient } from '../cluster/client.ts'
import { startPeer, stoppedError, type Peer } from '../cluster/driver.ts'
import { logStorage } from '../cluster/log-storage.ts'
import type { PeerStatus } from '../cluster/messages.ts'
import { Reader } from '../cluster/reader.ts'
import type { ConnectSponsor, SponsorLink } from '../cluster/sponsor-link.ts'
import { connectClient } from '../cluster/tcp-client.ts'
import { tcpTransport } from '../cluster/tcp-transport.ts'
import { MandateError } from '../errors.ts'
import { resolveTiming, type Timing, type TimingInput } from '../lease/timing.ts'
import type { Clock } from '../seams/clock.ts'
import type { Random } from '../seams/random.ts'
import { systemClock } from '../system/clock.ts'
import { version } from '../version.ts'
import type {
  Backend,
  BackendDriver,
  BackendEnv,
  BackendFacts,
  BackgroundFailure,
  Cancellable,
  ObserveEvents,
  SessionRequest,
  SessionTicket,
} from './backend.ts'
import { defineBackend } from './define-backend.ts'
import { checkRaftOptions } from './raft-options.ts'
import { RaftSession, settledOrAborted, tellObserver } from './raft-session.ts'

export interface RaftOptions {
  /** This process's id among `peers`. Absent: a client of the cluster, without a vote and without data. */
  readonly self?: string | undefined
  /** Every voter, id → `host:port`, the same in every process. Fixed for the life of the cluster (for now). */
  readonly peers: Readonly<Record<string, string>>
  /** The folder of this peer's log; required with `self`. One folder per peer, never copied. */
  readonly dataDir?: string | undefined
  /** Where to listen. @default this peer's own entry of `peers` */
  readonly listen?: string | undefined
  /** Names the cluster and is the tokens' scope. @default a hash of `peers` and `tokenBase` */
  readonly cluster?: string | undefined
  /** @default 'default' (100 / 500-1000 / 1000 ms) */
  readonly timing?: TimingInput | undefined
  /** Added to every token, for an election that moves here. The same in every process. @default 0n */
  readonly tokenBase?: bigint | undefined
  /** Listen off loopback although frames are neither encrypted nor authenticated yet. @default false */
  readonly insecure?: boolean | undefined
  /** Above this size of the log new campaigns are refused (there are no snapshots yet), in bytes. @default 256 MiB */
  readonly logBytesMax?: number | undefined
  /** What to do with a leadership when the wall clock jumps forward. @default 'lose' */
  readonly onClockStep?: 'lose' | 'ignore' | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  /** Failures that belong to no call. @default process.emitWarning */
  readonly onBackgroundFailure?: ((failure: BackgroundFailure) => void) | undefined
}

/** What the peers say of themselves; nothing is merged. */
export interface ClusterView {
  readonly answers: readonly PeerStatus[]
  readonly silent: readonly { readonly peer: string; readonly address: string; readonly reason: string }[]
}

export interface RaftBackend extends Backend {
  readonly peers: Readonly<Record<string, string>>
  readonly cluster: string
  /** Asks every peer for its view; stands in no election. A peer that does not answer in time is listed as silent. */
  status(
    o?: Cancellable & { readonly election?: string | undefined; readonly timeoutMs?: number | undefined },
  ): Promise<ClusterView>
}

const facts: BackendFacts = {
  guarantee: 'linearizable',
  exclusivity: ['time', 'token'],
  tokenSource: 'raft log index',
  order: 'fair',
  transfer: 'directed',
  proclaim: true,
  earlyLoss: [],
  limits: { minLeaseMs: 50, nameBytes: 253, metadataBytes: 4096, nestedNames: true },
}

/** @throws INVALID_OPTIONS, NOT_A_PEER; when started: ADDRESS_IN_USE, INSECURE_LISTENER, DATA_DIR_IN_USE, DATA_CORRUPT, … */
export function raft(options: RaftOptions): RaftBackend {
  checkRaftOptions(options)
  const timing = resolveTiming(options.timing ?? 'default')
  const cluster = options.cluster ?? clusterId(options)
  let driver!: RaftDriver
  const backend = defineBackend((env) => (driver = new RaftDriver(options, timing, cluster, env)), {
    timing,
    defaultCandidateId: options.self,
    clock: options.clock ?? systemClock({ onClockStep: options.onClockStep ?? 'lose' }),
    random: options.random,
    onBackgroundFailure: options.onBackgroundFailure,
  })
  return Object.assign(backend, {
    peers: options.peers,
    cluster,
    status: (o: Parameters<RaftBackend['status']>[0] = {}) => driver.status(o),
  })
}

/** The same peers and token base give the same cluster; anything else must not mix with it. */
function clusterId({ peers, tokenBase = 0n }: RaftOptions): string {
  const table = Object.entries(peers).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256')
    .update(JSON.stringify([table, tokenBase.toString()]))
    .digest('hex')
    .slice(0, 16)
}

class RaftDriver implements BackendDriver {
  readonly facts = facts
  readonly #options: RaftOptions
  readonly #timing: Timing
  readonly #cluster: string
  readonly #env: BackendEnv
  #peer: Peer | null = null
  /** The lease of each candidate's open session. */
  readonly #leases = new Map<string, number>()

  constructor(options: RaftOptions, timing: Timing, cluster: string, env: BackendEnv) {
    this.#options = options
    this.#timing = timing
    this.#cluster = cluster
    this.#env = env
  }

  async start(): Promise<void> {
    const { self, peers, dataDir } = this.#options
    if (self === undefined || dataDir === undefined) return
    const { clock, random } = this.#env
    const report = (failure: BackgroundFailure): void => this.#env.report(failure)
    this.#peer = await startPeer({
      self,
      peers,
      cluster: this.#cluster,
      tokenBase: this.#options.tokenBase ?? 0n,
      timing: this.#timing,
      logBytesMax: this.#options.logBytesMax ?? 256 * 1024 * 1024,
      version,
      clock,
      random,
      report,
      storage: logStorage({ dataDir, cluster: this.#cluster, peer: self, random, report }),
      transport: (identity) =>
        tcpTransport({
          ...identity,
          self,
          cluster: this.#cluster,
          peers,
          listen: this.#options.listen ?? peers[self] ?? '',
          insecure: this.#options.insecure ?? false,
          clock,
          random,
          report,
        }),
    })
  }

  async open(request: SessionRequest, { signal }: Cancellable): Promise<RaftSession> {
    const { candidateId } = request
    const leaseMs = request.leaseMs ?? this.#timing.leaseMs
    const other = this.#leases.get(candidateId)
    if (other !== undefined) throw twoLeases(candidateId, leaseMs, other)
    this.#leases.set(candidateId, leaseMs)
    const session = new RaftSession({
      env: this.#env,
      cluster: this.#cluster,
      voters: Object.keys(this.#options.peers),
      heartbeatMs: this.#timing.heartbeatMs,
      maxClockDrift: this.#timing.maxClockDrift,
      tickMs: this.#timing.tickMs,
      candidateId,
      leaseMs,
      connect: this.#connect(),
      closed: () => this.#leases.delete(candidateId),
    })
    try {
      await session.opened({ signal })
      return session
    } catch (error) {
      await session.close({ signal })
      throw error
    }
  }

  async openObserver(): Promise<{
    readonly scope: string
    observe(election: string, on: ObserveEvents): { close(): void }
    close(): Promise<void>
  }> {
    const { reader, link } = readerOver(this.#connect())
    return {
      scope: this.#cluster,
      observe: (election, on) => reader.observe(election, (state) => tellObserver(on, state)),
      close: async () => link.close(),
    }
  }

  /** Takes the lease away from a session whose holder is surely dead: its successors need not wait for it. */
  async releaseSession(ticket: SessionTicket, { signal }: Cancellable): Promise<'released' | 'gone'> {
    let link: SponsorLink | null = null
    const released = new Promise<'released' | 'gone'>((resolve) => {
      link = this.#connect()({
        up: () => link?.send({ type: 'close', session: ticket.session }),
        down: () => undefined,
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

  async close(): Promise<void> {
    const peer = this.#peer
    this.#peer = null
    await peer?.close()
  }

  async status({
    signal,
    election,
    timeoutMs = 1500,
  }: NonNullable<Parameters<RaftBackend['status']>[0]>): Promise<ClusterView> {
    const answers: PeerStatus[] = []
    const silent: { peer: string; address: string; reason: string }[] = []
    await Promise.all(
      Object.entries(this.#options.peers).map(async ([peer, address]) => {
        let problem = 'no answer'
        const connect =
          this.#peer !== null && peer === this.#options.self
            ? this.#connect()
            : this.#connectTo({ [peer]: address }, ([tried]) => (problem = tried?.reason ?? problem))
        const answer = await askForStatus(connect, this.#env.clock, election ?? null, timeoutMs, signal)
        if (answer === null) silent.push({ peer, address, reason: `${problem} within ${timeoutMs} ms` })
        else answers.push(answer)
      }),
    )
    const byId = (a: { readonly peer: string }, b: { readonly peer: string }): number =>
      a.peer < b.peer ? -1 : 1
    return { answers: answers.toSorted(byId), silent: silent.toSorted(byId) }
  }

  #connect(): ConnectSponsor {
    const peer = this.#peer
    if (peer === null) {
      if (this.#options.self !== undefined)
        throw new MandateError('CLOSED', 'This peer is not running.', { what: 'peer' })
      return this.#connectTo(this.#options.peers)
    }
    if (peer.failure !== undefined) throw stoppedError(peer.failure)
    return (events) => {
      const link = peer.attach((message) => events.message(message))
      // Known at once, told later: nothing happens inside `connect`.
      queueMicrotask(() => events.up())
      return { host: link.host, send: link.send, change: () => undefined, close: link.close }
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
        { peers, cluster: this.#cluster, connect: connectClient, clock, random, unreachable },
        events,
      )
  }
}

function twoLeases(id: string, leaseMs: number, other: number): MandateError<'INVALID_OPTIONS'> {
  return new MandateError(
    'INVALID_OPTIONS',
    `leaseMs is ${leaseMs}, but candidate ${JSON.stringify(id)} stands with a lease of ${other} ms already: all elections ` +
      'of one candidate share its session. Use the same lease, or another candidate id.',
    { option: 'leaseMs', value: leaseMs, expected: String(other) },
  )
}

interface Tried {
  readonly target: string
  readonly reason: string
}

function unreachableMessage(tried: readonly Tried[]): string {
  const reasons = tried.map(({ target, reason }) => `${target} (${reason})`).join(', ')
  return `No peer answers: ${reasons}. Start the peers, or check their addresses.`
}

function readerOver(connect: ConnectSponsor): { readonly reader: Reader; readonly link: SponsorLink } {
  const reader: Reader = new Reader((message) => link.send(message))
  const link: SponsorLink = connect({
    up: () => reader.up(),
    down: (reason) => reader.down(reason),
    message: (message) => {
      if (message.type === 'observed' || message.type === 'status') reader.received(message)
    },
  })
  return { reader, link }
}

/** Null: no answer in time. */
async function askForStatus(
  connect: ConnectSponsor,
  clock: Clock,
  election: string | null,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<PeerStatus | null> {
  const { reader, link } = readerOver(connect)
  const timer = { cancel: (): void => undefined }
  try {
    const answer = new Promise<PeerStatus | null>((resolve) => {
      Object.assign(
        timer,
        clock.setTimer(timeoutMs, () => resolve(null)),
      )
      reader.status(election, resolve)
    })
    return await settledOrAborted(answer, signal)
  } finally {
    timer.cancel()
    link.close()
  }
}
