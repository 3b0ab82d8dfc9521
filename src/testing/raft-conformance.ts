/**
 * The embedded Raft backend, set up for the conformance suite: the whole of it but sockets and files, on virtual time.
 * Three bare peers are the arbiter. Candidates are clients of them, or peers themselves.
 */
import { RaftDriver, raftFacts } from '../backends/raft-driver.ts'
import { resolveTiming } from '../lease/timing.ts'
import type { ConformanceSetup, ConformanceWorld } from './conformance.ts'
import {
  candidatePeers,
  clientsHearNoEvidence,
  embeddedConformance,
  localSponsor,
  worstRates,
} from './embedded-conformance.ts'
import { raftWorld } from './raft-world.ts'

const arbiters = ['p1', 'p2', 'p3']

export function raftClientConformance(): ConformanceSetup {
  return {
    name: 'raft, candidates as clients',
    facts: raftFacts(resolveTiming('default')),
    absent: clientsHearNoEvidence,
    leaseMs: 1000,
    create: () => startedWorld('client'),
  }
}

export function raftPeerConformance(): ConformanceSetup {
  return {
    name: 'raft, candidates as peers',
    facts: raftFacts(resolveTiming('default')),
    absent: localSponsor,
    skip: [
      {
        case: 'a cut much shorter than the lease costs nobody the leadership (token)',
        reason: 'in token mode a silence of 2.5 heartbeats is evidence of death (DESIGN §4.2)',
      },
    ],
    leaseMs: 1000,
    create: () => startedWorld('peer'),
  }
}

function startedWorld(kind: 'client' | 'peer'): Promise<ConformanceWorld> {
  const peers = kind === 'peer' ? [...arbiters, ...candidatePeers] : arbiters
  return embeddedConformance(raftWorld({ peers, timing: 'default', rateOf: worstRates(arbiters) }), {
    kind,
    arbiters,
    isReply: ({ type }) => type === 'results' || type === 'opened',
    driver: (options, { edges, env }) => new RaftDriver({ ...options, logBytesMax: 1e9 }, edges, env),
  })
}
