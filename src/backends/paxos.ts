/**
 * Elections by an embedded PaxosLease cluster: no log, no leader of the cluster, and nothing is written when an election
 * changes hands. Every process that is listed in `peers` votes and may stand; other processes stand as clients.
 *
 * @module
 */
import { engineBackend, type EngineBackend, type EngineBackendOptions } from './engine/backend.ts'
import { paxosEngine } from './paxos/engine.ts'

export type { ClusterView } from './cluster-view.ts'

/** As those of `raft()`, without what concerns a log or a leader of the cluster. */
export type PaxosOptions = EngineBackendOptions
export type PaxosBackend = EngineBackend

/** @throws INVALID_OPTIONS, NOT_A_PEER; when started: ADDRESS_IN_USE, INSECURE_LISTENER, DATA_DIR_IN_USE, DATA_CORRUPT, … */
export function paxos(options: PaxosOptions): PaxosBackend {
  return engineBackend(options, paxosEngine)
}
