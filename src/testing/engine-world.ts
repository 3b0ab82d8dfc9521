/**
 * A cluster of real peers of an engine without a log on one manual clock, with a network and disks in memory. For tests of
 * everything above the seams.
 */
import type { BackgroundFailure } from '../backends/backend.ts'
import type { Engine } from '../backends/engine/engine.ts'
import type { AnswerMessage, AskMessage, CarriedMessage } from '../cluster/engine/engine.ts'
import { startEnginePeer, type EnginePeer } from '../cluster/engine/engine-peer.ts'
import type { EnginePeerOptions } from '../cluster/engine/engine-peer-options.ts'
import type { LogRecord } from '../cluster/messages.ts'
import { resolveTiming, type Timing, type TimingInput } from '../lease/timing.ts'
import type { TransportEvents } from '../seams/transport.ts'
import { manualClock, type ManualClock } from './manual-clock.ts'
import { memoryDisk, type MemoryDisk } from './memory-storage.ts'
import { memoryNetwork, type MemoryNetwork } from './memory-network.ts'
import { seededRandom } from './seeded-random.ts'

type Seams<Request, Reply, Rec extends object> = Pick<
  EnginePeerOptions<Request, Reply, Rec>,
  'self' | 'storage' | 'transport'
>
type Events<Request, Reply> = TransportEvents<CarriedMessage<Request, Reply>, AskMessage<Request>>

export interface EngineWorldOptions {
  readonly peers?: readonly string[]
  readonly timing?: TimingInput
  readonly seed?: number
  readonly delayMs?: readonly [min: number, max: number]
  readonly writeMs?: number
  /** The rate of each process's clock against true time. @default 1 */
  readonly rateOf?: (process: string) => number
}

export interface EngineWorld<Request, Reply, Rec extends object> {
  /** True time; each process has a clock of its own on it. */
  readonly clock: ManualClock
  clockOf(process: string): ManualClock
  /** What a backend needs to run this peer itself. */
  edgesOf(peer: string): Seams<Request, Reply, Rec>
  /** What the network tells a peer, to feign it. */
  eventsOf(peer: string): Events<Request, Reply> | undefined
  readonly network: MemoryNetwork<CarriedMessage<Request, Reply>, AskMessage<Request>, AnswerMessage<Reply>>
  readonly timing: Timing
  readonly peers: ReadonlyMap<string, EnginePeer<Request, Reply, Rec>>
  readonly disks: ReadonlyMap<string, MemoryDisk<LogRecord>>
  readonly failures: BackgroundFailure[]
  start(...ids: readonly string[]): Promise<void>
  /** kill -9 of the process that runs the peer. */
  crash(id: string): void
  advance(ms: number): Promise<void>
  /** Advances until `holds`, at most `ms`; throws with `what` otherwise. */
  until(holds: () => boolean, what: string, ms?: number): Promise<void>
  close(): Promise<void>
}

export function engineWorld<Request, Reply, Rec extends object>(
  engine: Pick<Engine<Request, Reply, Rec>, 'speech' | 'createCore'>,
  options: EngineWorldOptions = {},
): EngineWorld<Request, Reply, Rec> {
  const ids = options.peers ?? ['a', 'b', 'c']
  const clock = manualClock()
  const random = seededRandom(options.seed ?? 1)
  const timing = resolveTiming(options.timing ?? 'fast')
  const network = memoryNetwork<CarriedMessage<Request, Reply>, AskMessage<Request>, AnswerMessage<Reply>>({
    clock,
    random,
    peers: ids,
    delayMs: options.delayMs ?? [0.1, 0.5],
  })
  const writeMs = options.writeMs ?? 0.2
  const disks = new Map(
    ids.map((id) => [id, memoryDisk<LogRecord>({ storageId: `disk-${id}`, clock, writeMs })]),
  )
  const peers = new Map<string, EnginePeer<Request, Reply, Rec>>()
  const events = new Map<string, Events<Request, Reply>>()
  const clocks = new Map<string, ManualClock>()
  const failures: BackgroundFailure[] = []
  const addresses = Object.fromEntries(ids.map((id) => [id, id]))
  const clockOf = (process: string): ManualClock => {
    let own = clocks.get(process)
    if (own === undefined) {
      own = clock.sibling({ rate: options.rateOf?.(process) ?? 1 })
      clocks.set(process, own)
    }
    return own
  }
  const edgesOf = (id: string): Seams<Request, Reply, Rec> => ({
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
  return {
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
        const peer = await startEnginePeer({
          ...edgesOf(id),
          engine: engine.speech.engine,
          record: engine.speech.record,
          createCore: (first) => engine.createCore({ timing, tokenBase: 0n }, first),
          peers: addresses,
          cluster: 'memory',
          version: 'test',
          clock: clockOf(id),
          report: (failure) => void failures.push(failure),
        })
        peers.set(id, peer)
      }
    },
    crash(id) {
      peers.get(id)?.halt()
      peers.delete(id)
      disks.get(id)?.crash()
      network.crash(id)
    },
    advance: (ms) => clock.advanceAsync(ms),
    async until(holds, what, ms = 10_000) {
      const end = clock.trueMs() + ms
      while (!holds()) {
        if (clock.trueMs() >= end) throw new Error(`not within ${ms} ms: ${what}`)
        await clock.advanceAsync(1)
      }
    },
    async close() {
      for (const peer of peers.values()) peer.halt()
      await clock.advanceAsync(1)
    },
  }
}
