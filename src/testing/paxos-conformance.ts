/** The embedded Paxos backend, set up for the conformance suite. */
import { paxosEngine } from '../backends/paxos/engine.ts'
import type { PaxosReply } from '../protocols/paxos/types.ts'
import type { ConformanceSetup } from './conformance.ts'
import { clientsHearNoEvidence, localSponsor } from './embedded-conformance.ts'
import { engineConformance } from './engine-conformance.ts'

const arbiters = ['p1', 'p2', 'p3']
const isRenewal = ({ type }: PaxosReply): boolean => type === 'keepalive-ack'

export function paxosClientConformance(): ConformanceSetup {
  const name = 'paxos, candidates as clients'
  return engineConformance(paxosEngine, {
    name,
    absent: clientsHearNoEvidence,
    kind: 'client',
    arbiters,
    isRenewal,
  })
}

export function paxosPeerConformance(): ConformanceSetup {
  const name = 'paxos, candidates as peers'
  return engineConformance(paxosEngine, { name, absent: localSponsor, kind: 'peer', arbiters, isRenewal })
}
