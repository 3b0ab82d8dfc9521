/**
 * Embedded bully with a quorum: the candidate of the highest rank that a majority hears leads, by one durable vote per
 * epoch. No log, no leader of the cluster. Three or five processes with a folder each, and only they stand.
 *
 * @module
 */
import { bullyEngine } from './bully/engine.ts'
import { engineBackend, type EngineBackend, type EngineBackendOptions } from './engine/backend.ts'

export type { ClusterView } from './cluster-view.ts'

/** As those of `raft()`, without what concerns a log or a leader of the cluster. Nothing bounds the folder, which grows by each vote. */
export type BullyOptions = EngineBackendOptions
export type BullyBackend = EngineBackend

/** @throws INVALID_OPTIONS, NOT_A_PEER; when started: ADDRESS_IN_USE, INSECURE_LISTENER, DATA_DIR_IN_USE, DATA_CORRUPT, … */
export function bully(options: BullyOptions): BullyBackend {
  return engineBackend(options, bullyEngine)
}
