/**
 * Embedded PaxosLease: no log, no leader of the cluster, nothing written when an election changes hands. Three or five
 * processes with a folder each; the folder holds one number.
 */
import { engineBackend, type EngineBackend, type EngineBackendOptions } from './engine-backend.ts'
import { PaxosDriver } from './paxos/driver.ts'
import { paxosWire } from './paxos/speech.ts'

export type { ClusterView } from './cluster-view.ts'

/** As those of `raft()`; the folder stays small, so nothing bounds it. */
export type PaxosOptions = EngineBackendOptions
export type PaxosBackend = EngineBackend

/** @throws INVALID_OPTIONS, NOT_A_PEER; when started: ADDRESS_IN_USE, INSECURE_LISTENER, DATA_DIR_IN_USE, DATA_CORRUPT, … */
export function paxos(options: PaxosOptions): PaxosBackend {
  return engineBackend(options, paxosWire, (own, edges, env) => new PaxosDriver(own, edges, env))
}
