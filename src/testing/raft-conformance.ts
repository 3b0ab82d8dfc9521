/**
 * The embedded Raft backend, set up for the conformance suite: the whole of it but sockets and files, on virtual time.
 * Three bare peers are the arbiter. Candidates are clients of them, or peers themselves.
 */
import { defineBackend } from '../backends/define-backend.ts'
import { RaftDriver, raftFacts, type RaftEdges } from '../backends/raft-driver.ts'
import { resolveTiming } from '../lease/timing.ts'
import type { ConformanceSetup, ConformanceWorld } from './conformance.ts'
import { candidatePeers, embeddedConformance } from './embedded-conformance.ts'
import { raftWorld, type RaftWorld } from './raft-world.ts'

const arbiters = ['p1', 'p2', 'p3']
const MAX_DRIFT = 0.001

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
    create: async () => worldOf(await startedWorld([...arbiters, ...candidatePeers]), 'peer'),
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

function worldOf(world: RaftWorld, kind: 'client' | 'peer'): ConformanceWorld {
  return embeddedConformance(world, {
    kind,
    arbiters,
    isReply: ({ type }) => type === 'results' || type === 'opened',
    backend: ({ id, peer, addresses, connectClient, clock, random }) => {
      const edges: RaftEdges = { connectClient, peer: peer === undefined ? null : world.edgesOf(peer) }
      const { timing } = world
      const options = { peers: addresses, cluster: 'memory', timing, tokenBase: 0n, logBytesMax: 1e9 }
      return defineBackend((env) => new RaftDriver(options, edges, env), {
        clock,
        random,
        timing,
        defaultCandidateId: id,
        onBackgroundFailure: () => undefined,
      })
    },
  })
}
