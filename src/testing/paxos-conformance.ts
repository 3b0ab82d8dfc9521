/** The embedded Paxos backend, set up for the conformance suite: the whole of it but sockets and files, on virtual time. */
import { defineBackend } from '../backends/define-backend.ts'
import { EngineDriver } from '../backends/engine/driver.ts'
import { paxosEngine } from '../backends/paxos/engine.ts'
import { resolveTiming } from '../lease/timing.ts'
import type { AcceptorRecord, PaxosReply, PaxosRequest } from '../protocols/paxos/types.ts'
import type { ConformanceSetup, ConformanceWorld } from './conformance.ts'
import { candidatePeers, embeddedConformance } from './embedded-conformance.ts'
import { engineWorld, type EngineWorld, type EngineWorldOptions } from './engine-world.ts'

const arbiters = ['p1', 'p2', 'p3']
const MAX_DRIFT = 0.001

export type PaxosWorld = EngineWorld<PaxosRequest, PaxosReply, AcceptorRecord>

export function paxosWorld(
  options: Omit<
    EngineWorldOptions<PaxosRequest, PaxosReply, AcceptorRecord>,
    'engine' | 'record' | 'createCore'
  > = {},
): PaxosWorld {
  return engineWorld({
    ...options,
    engine: 'paxos',
    record: paxosEngine.speech.record,
    createCore: (timing) => (start) => paxosEngine.createCore({ timing, tokenBase: 0n }, start),
  })
}

export function paxosClientConformance(): ConformanceSetup {
  return {
    name: 'paxos, candidates as clients',
    facts: paxosEngine.facts(resolveTiming('default')),
    absent: { evidence: 'a client listens nowhere, so nobody can be refused by it: only its silence counts' },
    leaseMs: 1000,
    create: async () => worldOf(await startedWorld(arbiters), 'client'),
  }
}

export function paxosPeerConformance(): ConformanceSetup {
  return {
    name: 'paxos, candidates as peers',
    facts: paxosEngine.facts(resolveTiming('default')),
    absent: {
      loseNextReply: 'its sponsor is in its own process: no reply is lost on the way',
      delayReplies: 'its sponsor is in its own process: no reply is late',
    },
    leaseMs: 1000,
    create: async () => worldOf(await startedWorld([...arbiters, ...candidatePeers]), 'peer'),
  }
}

async function startedWorld(peers: readonly string[]): Promise<PaxosWorld> {
  const world = paxosWorld({
    peers,
    timing: 'default',
    // The arbiter's clocks as fast, the candidates' as slow as the permitted drift allows: the worst for exclusivity.
    rateOf: (process) => (arbiters.includes(process) ? 1 + 0.99 * MAX_DRIFT : 1 - 0.99 * MAX_DRIFT),
  })
  await world.start(...arbiters)
  await world.advance(3000)
  return world
}

function worldOf(world: PaxosWorld, kind: 'client' | 'peer'): ConformanceWorld {
  return embeddedConformance(world, {
    kind,
    arbiters,
    isReply: (message) =>
      message.type === 'answer' && message.replies.some(({ type }) => type !== 'keepalive-ack'),
    backend: ({ id, peer, addresses, connectClient, clock, random }) => {
      const edges = { connectClient, peer: peer === undefined ? null : world.edgesOf(peer) }
      const { timing } = world
      const options = { peers: addresses, cluster: 'memory', timing, tokenBase: 0n }
      return defineBackend((env) => new EngineDriver(paxosEngine, options, { edges, env }), {
        clock,
        random,
        timing,
        defaultCandidateId: id,
        onBackgroundFailure: () => undefined,
      })
    },
  })
}
