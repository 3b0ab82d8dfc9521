/**
 * The conformance suite over real sockets, files and time: three peers in this process, every candidate a client with
 * connections of its own. The whole suite is played on virtual time (`src/backends/raft.test.ts`); here are the themes
 * in which connections break, stall or come back. Cases run side by side, because they mostly wait.
 */
import { existsSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import type { Backend } from '../../src/backends/backend.ts'
import { raft } from '../../src/backends/raft.ts'
import { resolveTiming } from '../../src/lease/timing.ts'
import { raftFacts } from '../../src/backends/raft-driver.ts'
import {
  backendConformance,
  type ConformanceSetup,
  type ConformanceWorld,
} from '../../src/testing/conformance.ts'
import { FaultyLine } from './faulty-line.ts'
import { mortalClock, type MortalClock } from './mortal-clock.ts'
import { unlessStalled } from './stalls.ts'
import { Loopback, peerTable, raftLeader } from './loopback.ts'

const themes = ['loss', 'cancel', 'lost replies', 'tokens', 'identity']

const leaseMs = 500
/** Token mode takes a silence of 2.5 heartbeats for death: with those of `fast` a busy machine is often that silent. */
const timing = { heartbeatMs: 100, electionTimeoutMs: [250, 500], leaseMs } as const

/** Named, because the candidates see the peers at other addresses: those of their proxies. */
const cluster = 'conformance'

/** Where it exists, in memory: a new log is synced by the thread in which the peers of all other cases run. */
const parent = existsSync('/dev/shm') ? '/dev/shm' : undefined

vi.setConfig({ maxConcurrency: 6, testTimeout: 60_000 })

const setup: ConformanceSetup = {
  name: 'raft over TCP, candidates as clients',
  facts: raftFacts(resolveTiming('fast')),
  absent: {
    evidence: 'a client listens nowhere',
    openHandles: 'all processes of a world are one process here',
  },
  skip: [
    {
      case: 'a cut much shorter than the lease costs nobody the leadership (token)',
      reason: 'in token mode a silence of 2.5 heartbeats is evidence of death (DESIGN §4.2)',
    },
  ],
  leaseMs,
  patienceMs: 8000,
  expiryMs: 4 * leaseMs,
  create: startWorld,
}

const cases = backendConformance(setup)

describe.concurrent(setup.name, () => {
  for (const { theme, name, skipped, run } of cases) {
    if (themes.includes(theme) && skipped === undefined)
      it(`${theme}: ${name}`, () => unlessStalled(run, timing.heartbeatMs))
  }
})

it('leaves out only what it says', () => {
  const skipped = cases.filter((each) => themes.includes(each.theme) && each.skipped !== undefined)
  expect(new Set(skipped.map((each) => each.skipped))).toEqual(
    new Set([
      'no evidence here: a client listens nowhere',
      'in token mode a silence of 2.5 heartbeats is evidence of death (DESIGN §4.2)',
    ]),
  )
  const left = new Set(cases.map(({ theme }) => theme).filter((theme) => !themes.includes(theme)))
  expect([...left]).toEqual([
    'campaign',
    'contention',
    'handover',
    'resign',
    'exclusivity',
    'observe',
    'many elections',
    'transfer',
    'proclaim',
    'operator',
    'shutdown',
    'limits',
    'leadership',
    'lead and close',
    'observe and current',
  ])
})

interface Candidate {
  readonly line: FaultyLine
  readonly clock: MortalClock
}

async function startWorld(): Promise<ConformanceWorld> {
  const stage = new Loopback(parent)
  try {
    return await worldOn(stage)
  } catch (error) {
    await stage.close()
    throw error
  }
}

async function worldOn(stage: Loopback): Promise<ConformanceWorld> {
  const peers = await peerTable('p1', 'p2', 'p3')
  const startPeers = () =>
    Promise.all(Object.keys(peers).map((id) => stage.peer(peers, id, { cluster, timing })))
  let arbiter = await startPeers()
  await raftLeader(arbiter[0] ?? raft({ peers }))
  const candidates = new Map<Backend, Candidate>()
  const of = (backend: Backend): Candidate => {
    const candidate = candidates.get(backend)
    if (candidate === undefined) throw new Error('not a candidate of this world')
    return candidate
  }
  return {
    candidate: async (id) => {
      const line = await FaultyLine.to(peers)
      const clock = mortalClock()
      const backend = raft({
        peers: line.peers,
        cluster,
        timing,
        clock,
        onBackgroundFailure: () => undefined,
      })
      candidates.set(backend, { line, clock })
      return Object.assign(backend, { defaultCandidateId: id })
    },
    settle: async (condition, withinMs) => {
      const endMs = performance.now() + withinMs
      while (!condition()) {
        if (performance.now() >= endMs) return false
        await pause(2)
      }
      return true
    },
    advance: pause,
    crash: async (backend) => {
      const { line, clock } = of(backend)
      clock.stop()
      await line.destroy()
    },
    restartArbiter: async () => {
      await Promise.all(arbiter.map((peer) => peer.close()))
      arbiter = await startPeers()
    },
    cut: (backend) => of(backend).line.cut(),
    heal: (backend) => of(backend).line.heal(),
    loseNextReply: (backend) => of(backend).line.loseNextReply(),
    delayReplies: (backend, ms) => of(backend).line.delayReplies(ms),
    close: async () => {
      for (const { line, clock } of candidates.values()) {
        clock.stop()
        await line.destroy()
      }
      await stage.close()
    },
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
