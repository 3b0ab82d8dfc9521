/**
 * A cluster of real peers (driver, Raft, support, registry) on one manual clock, with a network and disks in memory.
 * For tests of everything above the seams.
 */
import { RaftSession } from '../backends/raft-session.ts'
import type { BackgroundFailure, CandidacyRequest, LossReason, Renewal } from '../backends/backend.ts'
import { connectAsClient } from '../cluster/client.ts'
import { startPeer, type Peer } from '../cluster/driver.ts'
import type { PeerOptions, TuningMode } from '../cluster/peer-options.ts'
import type { HolderMessage, LogRecord, PeerMessage, SponsorMessage } from '../cluster/messages.ts'
import { resolveTiming, type Timing, type TimingInput } from '../lease/timing.ts'
import type { TransportEvents } from '../seams/transport.ts'
import { manualClock, type ManualClock } from './manual-clock.ts'
import { memoryDisk, type MemoryDisk } from './memory-storage.ts'
import { memoryNetwork, type MemoryNetwork } from './memory-network.ts'
import { seededRandom } from './seeded-random.ts'

export interface RaftWorldOptions {
  readonly peers?: readonly string[]
  readonly timing?: TimingInput
  readonly tuning?: TuningMode
  /** Of each peer, instead. */
  readonly tuningOf?: (peer: string) => TuningMode
  readonly seed?: number
  readonly delayMs?: readonly [min: number, max: number]
  readonly writeMs?: number
  readonly logBytesMax?: number
  /** The rate of each process's clock against true time. @default 1 */
  readonly rateOf?: (process: string) => number
}

export interface RaftWorld {
  /** True time; each process has a clock of its own on it. */
  readonly clock: ManualClock
  clockOf(process: string): ManualClock
  /** What a backend needs to run this peer itself. */
  edgesOf(peer: string): Pick<PeerOptions, 'self' | 'storage' | 'transport'>
  /** What the network tells a peer, to feign it. */
  eventsOf(peer: string): TransportEvents<PeerMessage, HolderMessage> | undefined
  readonly network: MemoryNetwork<PeerMessage, HolderMessage, SponsorMessage>
  readonly timing: Timing
  readonly peers: ReadonlyMap<string, Peer>
  readonly disks: ReadonlyMap<string, MemoryDisk<LogRecord>>
  readonly failures: BackgroundFailure[]
  start(...ids: readonly string[]): Promise<void>
  /** kill -9 of the process that runs the peer, its local sessions with it. */
  crash(id: string, options?: { readonly keep?: number }): void
  /** A candidate in the peer's process, or, with `via` undefined, a client. */
  session(candidateId: string, via: string | undefined, leaseMs?: number): RaftSession
  /** Advances until `holds`, at most `ms`; throws with `what` otherwise. */
  until(holds: () => boolean, what: string, ms?: number): Promise<void>
  advance(ms: number): Promise<void>
  close(): Promise<void>
}

export function raftWorld(options: RaftWorldOptions = {}): RaftWorld {
  const ids = options.peers ?? ['a', 'b', 'c']
  const clock = manualClock()
  const random = seededRandom(options.seed ?? 1)
  const timing = resolveTiming(options.timing ?? 'fast')
  const network = memoryNetwork<PeerMessage, HolderMessage, SponsorMessage>({
    clock,
    random,
    peers: ids,
    delayMs: options.delayMs ?? [0.1, 0.5],
  })
  const disks = new Map<string, MemoryDisk<LogRecord>>()
  for (const id of ids) {
    disks.set(id, memoryDisk<LogRecord>({ storageId: `disk-${id}`, clock, writeMs: options.writeMs ?? 0.2 }))
  }
  const peers = new Map<string, Peer>()
  const failures: BackgroundFailure[] = []
  const report = (failure: BackgroundFailure): void => void failures.push(failure)
  const clocks = new Map<string, ManualClock>()
  const clockOf = (process: string): ManualClock => {
    let own = clocks.get(process)
    if (own === undefined) {
      own = clock.sibling({ rate: options.rateOf?.(process) ?? 1 })
      clocks.set(process, own)
    }
    return own
  }
  const events = new Map<string, TransportEvents<PeerMessage, HolderMessage>>()
  const edgesOf = (id: string): Pick<PeerOptions, 'self' | 'storage' | 'transport'> => ({
    self: id,
    storage: (disks.get(id) as MemoryDisk<LogRecord>).storage(),
    transport: ({ incarnation }) => {
      const transport = network.transport(id, incarnation)
      return {
        ...transport,
        start: (heard) => {
          events.set(id, heard)
          return transport.start(heard)
        },
      }
    },
  })
  const addresses = Object.fromEntries(ids.map((id) => [id, id]))

  const world: RaftWorld = {
    clock,
    clockOf,
    edgesOf,
    eventsOf: (id) => events.get(id),
    network,
    timing,
    peers,
    disks,
    failures,
    async start(...which) {
      for (const id of which.length === 0 ? ids : which) {
        const peer = await startPeer({
          ...edgesOf(id),
          peers: addresses,
          cluster: 'memory',
          tokenBase: 0n,
          timing,
          tuning: options.tuningOf?.(id) ?? options.tuning,
          logBytesMax: options.logBytesMax ?? 256 * 1024 * 1024,
          version: 'test',
          clock: clockOf(id),
          random,
          report,
        })
        peers.set(id, peer)
      }
    },
    crash(id, o) {
      peers.get(id)?.halt()
      peers.delete(id)
      disks.get(id)?.crash(o)
      network.crash(id)
    },
    session(candidateId, via, leaseMs = timing.leaseMs) {
      const peer = via === undefined ? undefined : (peers.get(via) as Peer)
      const own = clockOf(via ?? candidateId)
      return new RaftSession({
        env: { clock: own, random, report },
        cluster: 'memory',
        voters: ids,
        heartbeatMs: timing.heartbeatMs,
        maxClockDrift: timing.maxClockDrift,
        tickMs: timing.tickMs,
        candidateId,
        leaseMs,
        connect: (events) => {
          if (peer === undefined) {
            return connectAsClient(
              {
                peers: addresses,
                cluster: 'memory',
                connect: network.connectClient,
                clock: own,
                random,
              },
              events,
            )
          }
          const link = peer.attach({
            received: (message) => events.message(message),
            gone: (error) => events.gone(error),
            beat: () => events.beat?.(),
          })
          queueMicrotask(() => events.up())
          return { host: link.host, beats: true, send: link.send, change: () => undefined, close: link.close }
        },
      })
    },
    async until(holds, what, ms = 10_000) {
      const end = clock.trueMs() + ms
      while (!holds()) {
        if (clock.trueMs() >= end) throw new Error(`not within ${ms} ms: ${what}`)
        await clock.advanceAsync(1)
      }
    },
    advance: (ms) => clock.advanceAsync(ms),
    async close() {
      for (const peer of peers.values()) peer.halt()
      await clock.advanceAsync(1)
    },
  }
  return world
}

/** A candidacy that writes down what it hears. */
export interface Recorded {
  readonly events: string[]
  token: bigint | null
  renewal: Renewal | null
  ended: LossReason | null
  cause: unknown
}

export function stand(
  session: RaftSession,
  election: string,
  o: Partial<CandidacyRequest> = {},
): Recorded & { readonly candidacy: ReturnType<RaftSession['enter']> } {
  const recorded: Recorded = { events: [], token: null, renewal: null, ended: null, cause: undefined }
  const candidacy = session.enter(
    { election, exclusivity: 'time', priority: 0, metadata: {}, ...o },
    {
      waiting: (ahead) => recorded.events.push(`waiting ${ahead}`),
      won: ({ token, renewal }) => {
        recorded.events.push('won')
        recorded.token = token
        recorded.renewal = renewal
      },
      renewed: (renewal) => {
        recorded.renewal = renewal
      },
      ended: ({ reason, cause }) => {
        recorded.events.push(`ended ${reason}`)
        recorded.ended = reason
        recorded.cause = cause
        recorded.token = null
      },
    },
  )
  return Object.assign(recorded, { candidacy })
}
