/**
 * Three bare peers of an embedded engine as the arbiter of the conformance suite, on virtual time, with a network and
 * disks in memory. Candidates are clients of them, or peers themselves.
 */
import type { Backend, BackendDriver, BackendEnv, Guarantee } from '../backends/backend.ts'
import { defineBackend } from '../backends/define-backend.ts'
import type { EngineOptions } from '../backends/engine/engine.ts'
import type { Timing } from '../lease/timing.ts'
import type { ClientConnection, ConnectClient } from '../seams/transport.ts'
import type { ConformanceSetup, ConformanceWorld } from './conformance.ts'
import type { ManualClock } from './manual-clock.ts'
import type { MemoryNetwork } from './memory-network.ts'
import { seededRandom } from './seeded-random.ts'

const STEP_MS = 5

const MAX_DRIFT = 0.001

/** The arbiter's clocks as fast, the candidates' as slow as the permitted drift allows: the worst for exclusivity. */
export function worstRates(arbiters: readonly string[]): (process: string) => number {
  return (process) => (arbiters.includes(process) ? 1 + 0.99 * MAX_DRIFT : 1 - 0.99 * MAX_DRIFT)
}

/** A cluster of one engine on a manual clock, as far as the suite needs to know it. */
export interface EmbeddedWorld<ToPeer, FromHolder, ToHolder, Edges> {
  readonly timing: Timing
  readonly clock: ManualClock
  /** What a backend needs to run this peer itself. */
  edgesOf(peer: string): Edges
  clockOf(process: string): ManualClock
  readonly network: MemoryNetwork<ToPeer, FromHolder, ToHolder>
  eventsOf(peer: string): { peerRefused(peer: string): void } | undefined
  start(...ids: readonly string[]): Promise<void>
  crash(id: string): void
  advance(ms: number): Promise<void>
  close(): Promise<void>
}

export interface EmbeddedConformance<FromHolder, ToHolder, Edges, Its extends Guarantee> {
  readonly kind: 'client' | 'peer'
  /** The peers that exist from the start. */
  readonly arbiters: readonly string[]
  /** The peers that may become candidates. @default candidatePeers */
  readonly candidates?: readonly string[]
  /** Answers of a request, as opposed to renewals and news: the next of them is the one that `loseNextReply` loses. */
  isReply(message: ToHolder): boolean
  driver(options: EngineOptions, o: DriverSeams<FromHolder, ToHolder, Edges>): BackendDriver<Its>
}

export interface DriverSeams<FromHolder, ToHolder, Edges> {
  readonly edges: {
    /** Null: a client. */
    readonly peer: Edges | null
    readonly connectClient: ConnectClient<FromHolder, ToHolder>
  }
  readonly env: BackendEnv
}

/** Waiting peers, for candidates that are peers. */
export const candidatePeers = ['p4', 'p5']

/** What cannot be tried with candidates that are clients, and with such that are peers. */
export const clientsHearNoEvidence: NonNullable<ConformanceSetup['absent']> = {
  evidence: 'a client listens nowhere, so nobody can be refused by it: only its silence counts',
}
export const localSponsor: NonNullable<ConformanceSetup['absent']> = {
  loseNextReply: 'its sponsor is in its own process: no reply is lost on the way',
  delayReplies: 'its sponsor is in its own process: no reply is late',
}

interface Candidate<FromHolder, ToHolder> {
  readonly name: string
  readonly clock: ManualClock
  readonly line: FaultyLine<FromHolder, ToHolder>
  readonly peer: string | undefined
}

/** Starts the arbiters of `world`, and gives them the time to agree. */
export async function embeddedConformance<ToPeer, FromHolder, ToHolder, Edges, Its extends Guarantee>(
  world: EmbeddedWorld<ToPeer, FromHolder, ToHolder, Edges>,
  {
    kind,
    arbiters,
    candidates: waiting = candidatePeers,
    isReply,
    driver,
  }: EmbeddedConformance<FromHolder, ToHolder, Edges, Its>,
): Promise<ConformanceWorld<Its>> {
  await world.start(...arbiters)
  await world.advance(3000)
  const candidates = new Map<Backend<Its>, Candidate<FromHolder, ToHolder>>()
  let clients = 0
  const free = kind === 'peer' ? [...waiting] : []
  const random = seededRandom(7)
  const addresses = Object.fromEntries([...arbiters, ...free].map((id) => [id, id]))
  const of = (backend: Backend<Its>): Candidate<FromHolder, ToHolder> => {
    const candidate = candidates.get(backend)
    if (candidate === undefined) throw new Error('not a candidate of this world')
    return candidate
  }
  return {
    candidate: async (id) => {
      const peer = free.shift()
      const name = peer ?? `client ${(clients += 1)}`
      const clock = world.clockOf(name)
      const line = faultyLine(world.network.connectClient, world.clock, isReply)
      const { timing } = world
      const edges = { peer: peer === undefined ? null : world.edgesOf(peer), connectClient: line.connect }
      const options = { peers: addresses, cluster: 'memory', timing, tokenBase: 0n }
      const backend = defineBackend<Its>((env) => driver(options, { edges, env }), {
        clock,
        random,
        timing,
        defaultCandidateId: id,
        onBackgroundFailure: () => undefined,
      })
      candidates.set(backend, { name, clock, line, peer })
      return backend
    },
    settle: async (condition, withinMs) => {
      const endMs = world.clock.trueMs() + withinMs
      await world.advance(0)
      while (!condition()) {
        if (world.clock.trueMs() >= endMs) return false
        await world.advance(Math.min(STEP_MS, endMs - world.clock.trueMs()))
      }
      return true
    },
    advance: (ms) => world.advance(ms),
    crash: (backend) => {
      const { line, peer } = of(backend)
      line.die()
      if (peer !== undefined) world.crash(peer)
      candidates.delete(backend)
    },
    restartArbiter: async () => {
      for (const id of arbiters) world.crash(id)
      await world.start(...arbiters)
    },
    cut: (backend) => {
      const { line, peer } = of(backend)
      if (peer === undefined) line.cut()
      else world.network.isolate(peer)
    },
    heal: (backend) => {
      const { line, peer } = of(backend)
      if (peer === undefined) line.heal()
      else world.network.heal()
    },
    loseNextReply: (backend) => of(backend).line.loseNextReply(),
    delayReplies: (backend, ms) => of(backend).line.delayReplies(ms),
    evidence: (id) => {
      for (const { peer } of [...candidates].filter(([b]) => b.defaultCandidateId === id).map(([, c]) => c)) {
        if (peer === undefined) continue
        for (const arbiter of arbiters) world.eventsOf(arbiter)?.peerRefused(peer)
      }
    },
    openHandles: () =>
      [...candidates].flatMap(([backend, { clock, line }]) => {
        const lines: string[] = []
        const timers = clock.pendingTimers()
        if (timers > 0) lines.push(`${timers} timers of ${backend.defaultCandidateId}`)
        if (line.open() > 0) lines.push(`${line.open()} connections of ${backend.defaultCandidateId}`)
        return lines
      }),
    close: () => world.close(),
  }
}

interface FaultyLine<FromHolder, ToHolder> {
  readonly connect: ConnectClient<FromHolder, ToHolder>
  /** Nothing passes, in either direction; what was sent waits. */
  cut(): void
  heal(): void
  /** The next answer is lost, and its connection with it: TCP loses nothing else. */
  loseNextReply(): void
  delayReplies(ms: number): void
  die(): void
  open(): number
}

/** A client's connections, with faults on the way. */
function faultyLine<FromHolder, ToHolder>(
  connect: ConnectClient<FromHolder, ToHolder>,
  clock: ManualClock,
  isReply: (message: ToHolder) => boolean,
): FaultyLine<FromHolder, ToHolder> {
  const open = new Set<ClientConnection<FromHolder>>()
  let isCut = false
  let isDead = false
  let losing = false
  let delayMs = 0
  let waiting: (() => void)[] = []
  const pass = (run: () => void): void => {
    if (isDead) return
    if (isCut) waiting.push(run)
    else run()
  }
  return {
    connect: async (request) => {
      if (isCut) await new Promise<void>((resolve) => waiting.push(resolve))
      let closed = false
      const made = await connect({
        ...request,
        events: {
          message: (message) => {
            const deliver = (): void =>
              pass(() => {
                if (closed) return
                if (!losing || !isReply(message)) return request.events.message(message)
                losing = false
                closed = true
                open.delete(made)
                made.close()
                request.events.closed('the connection was lost')
              })
            if (delayMs === 0) deliver()
            else clock.setTimer(delayMs, deliver)
          },
          closed: (reason) =>
            pass(() => {
              open.delete(made)
              if (!closed) request.events.closed(reason)
            }),
        },
      })
      const line: ClientConnection<FromHolder> = {
        peer: made.peer,
        cluster: made.cluster,
        send: (message) => pass(() => made.send(message)),
        close: () => {
          closed = true
          open.delete(made)
          made.close()
        },
      }
      open.add(made)
      return line
    },
    cut: () => {
      isCut = true
    },
    heal: () => {
      isCut = false
      const late = waiting
      waiting = []
      for (const run of late) run()
    },
    loseNextReply: () => {
      losing = true
    },
    delayReplies: (ms) => {
      delayMs = ms
    },
    die: () => {
      isDead = true
      for (const connection of open) connection.close()
      open.clear()
    },
    open: () => open.size,
  }
}
