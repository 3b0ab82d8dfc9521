/**
 * Embedded bully: no log, no leader of the cluster, and only peers stand. With a quorum the candidate of the highest rank that
 * a majority hears leads, by one durable vote per epoch. Without one (`quorum: false`, the classic bully) each part of a split
 * network has a leader, and its leaderships are advisory.
 *
 * @module
 */
import { classicEngine } from './bully/classic/engine.ts'
import { bullyEngine } from './bully/engine.ts'
import { engineBackend, type EngineBackend, type EngineBackendOptions } from './engine/backend.ts'
import { MandateError } from '../errors.ts'

export type { ClusterView } from './cluster-view.ts'

/** As those of `raft()`, without what concerns a log or a leader of the cluster. Nothing bounds the folder, which grows by each vote. */
export interface BullyOptions extends EngineBackendOptions {
  /** Whether a majority of the peers must agree to every leader. @default true */
  readonly quorum?: true | undefined
}

/** Without a quorum there are no tokens, and so no `tokenBase`. */
export interface ClassicBullyOptions extends Omit<EngineBackendOptions, 'tokenBase'> {
  /** One leader in each part of a split network: for two sites or a LAN, and for work that may be done twice. */
  readonly quorum: false
}

export type BullyBackend = EngineBackend
export type ClassicBullyBackend = EngineBackend<'advisory'>

/** @throws INVALID_OPTIONS, NOT_A_PEER; when started: ADDRESS_IN_USE, INSECURE_LISTENER, DATA_DIR_IN_USE, DATA_CORRUPT, … */
export function bully(options: BullyOptions): BullyBackend
/** Advisory: its leaderships have a rank and no token. @throws as above */
export function bully(options: ClassicBullyOptions): ClassicBullyBackend
export function bully({
  quorum = true,
  ...options
}: Omit<BullyOptions, 'quorum'> & { readonly quorum?: boolean | undefined }):
  | BullyBackend
  | ClassicBullyBackend {
  if (quorum === true) return engineBackend(options, bullyEngine)
  if (quorum === false) return engineBackend(withoutTokens(options), classicEngine)
  throw invalid('quorum', quorum, 'true or false')
}

function withoutTokens(options: EngineBackendOptions): EngineBackendOptions {
  if (options.tokenBase === undefined) return options
  throw invalid('tokenBase', options.tokenBase, 'no tokenBase with quorum: false, which has no tokens')
}

function invalid(option: string, value: unknown, expected: string): MandateError<'INVALID_OPTIONS'> {
  return new MandateError('INVALID_OPTIONS', `${option} is ${String(value)}; expected ${expected}`, {
    option,
    value,
    expected,
  })
}
