/**
 * The embedded Raft backend, set up for the conformance suite: the whole of it but sockets and files, on virtual time.
 * Three bare peers are the arbiter. Candidates are clients of them, or peers themselves.
 */
import type { Backend } from '../backends/backend.ts'
import { defineBackend } from '../backends/define-backend.ts'
import { RaftDriver, raftFacts, type RaftEdges } from '../backends/raft-driver.ts'
import type { HolderMessage, SponsorMessage } from '../cluster/messages.ts'
import type { ClientConnection, ConnectClient } from '../seams/transport.ts'
import { resolveTiming } from '../lease/timing.ts'
import type { ConformanceSetup, ConformanceWorld } from './conformance.ts'
import type { ManualClock } from './manual-clock.ts'
import { raftWorld, type RaftWorld } from './raft-world.ts'
import { seededRandom } from './seeded-random.ts'

type Connect = ConnectClient<HolderMessage, SponsorMessage>

const arbiters = ['p1', 'p2', 'p3']
const MAX_DRIFT = 0.001
const STEP_MS = 5

export function raftClientConformance(): ConformanceSetup {
  return {
    name: 'raft, candidates as clients',
    facts: raftFacts(resolveTiming('default')),
    absent: { evidence: 'a client listens nowhere, so nobody can be refused by it: only its silence counts' },
    leaseMs: 1000,
    create: async () => worldOf(await startedWorld(arbiters), 'client'),
  }
}

export function raftPeerConformance(): ConformanceSetup {
  return {
    name: 'raft, candidates as peers',
    facts: raftFacts(resolveTiming('default')),
    absent: {
      loseNextReply: 'its sponsor is in its own process: no reply is lost on the way',
      delayReplies: 'its sponsor is in its own process: no reply is late',
    },
    skip: [
      {
        case: 'a cut much shorter than the lease costs nobody the leadership (token)',
        reason: 'in token mode a silence of 2.5 heartbeats is evidence of death (DESIGN §4.2)',
      },
    ],
    leaseMs: 1000,
    create: async () => worldOf(await startedWorld([...arbiters, 'p4', 'p5']), 'peer'),
  }
}

async function startedWorld(peers: readonly string[]): Promise<RaftWorld> {
  const world = raftWorld({
    peers,
    timing: 'default',
    // The arbiter's clocks as fast, the candidates' as slow as the permitted drift allows: the worst for exclusivity.
    rateOf: (process) => (arbiters.includes(process) ? 1 + 0.99 * MAX_DRIFT : 1 - 0.99 * MAX_DRIFT),
  })
  await world.start(...arbiters)
  await world.advance(3000)
  return world
}

interface Candidate {
  readonly name: string
  readonly clock: ManualClock
  readonly line: FaultyLine
  readonly peer: string | undefined
}

function worldOf(world: RaftWorld, kind: 'client' | 'peer'): ConformanceWorld {
  const candidates = new Map<Backend, Candidate>()
  let clients = 0
  const free = kind === 'peer' ? ['p4', 'p5'] : []
  const random = seededRandom(7)
  const addresses = Object.fromEntries(
    [...arbiters, ...(kind === 'peer' ? ['p4', 'p5'] : [])].map((id) => [id, id]),
  )
  const of = (backend: Backend): Candidate => {
    const candidate = candidates.get(backend)
    if (candidate === undefined) throw new Error('not a candidate of this world')
    return candidate
  }
  return {
    candidate: async (id) => {
      const peer = free.shift()
      const name = peer ?? `client ${(clients += 1)}`
      const clock = world.clockOf(name)
      const line = faultyLine(world.network.connectClient, world.clock)
      const edges: RaftEdges = {
        connectClient: line.connect,
        peer: peer === undefined ? null : world.edgesOf(peer),
      }
      const backend = defineBackend(
        (env) =>
          new RaftDriver(
            { peers: addresses, cluster: 'memory', timing: world.timing, tokenBase: 0n, logBytesMax: 1e9 },
            edges,
            env,
          ),
        { clock, random, timing: world.timing, defaultCandidateId: id, onBackgroundFailure: () => undefined },
      )
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

interface FaultyLine {
  readonly connect: Connect
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
function faultyLine(connect: Connect, clock: ManualClock): FaultyLine {
  const open = new Set<ClientConnection<HolderMessage>>()
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
                const isReply = message.type === 'results' || message.type === 'opened'
                if (!losing || !isReply) return request.events.message(message)
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
      const line: ClientConnection<HolderMessage> = {
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
