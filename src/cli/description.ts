/**
 * A backend as data: what a URL or a configuration file says, and what the guard of `run` gets over its pipe so that
 * it can reach the same backend from another process. Plain JSON; paths are absolute.
 */

export interface EmbeddedTiming {
  readonly preset?: 'fast' | 'default' | 'calm'
  readonly heartbeatMs?: number
  readonly electionTimeoutMs?: readonly [number, number]
}

/** Engines whose peers are processes of the user's own; all take the same options. */
export const embeddedEngines = ['raft', 'paxos', 'bully'] as const
export type EmbeddedEngine = (typeof embeddedEngines)[number]

export interface EmbeddedDescription {
  readonly type: EmbeddedEngine
  /** Absent: a client of the cluster. */
  readonly self?: string
  /** id → host:port. */
  readonly peers: Readonly<Record<string, string>>
  readonly dataDir?: string
  readonly listen?: string
  readonly timing?: EmbeddedTiming
  readonly tuning?: 'fixed' | 'adaptive'
  /** Of bully: false is the classic one, which is advisory. Absent: with a quorum. */
  readonly quorum?: false
  readonly tls?: { readonly certFile?: string; readonly keyFile?: string; readonly caFile?: string }
  readonly secretFile?: string
  readonly insecure?: boolean
  readonly cluster?: string
  /** Decimal: a bigint has no JSON. */
  readonly tokenBase?: string
}

/** Durations in ms. */
export interface ConsulDescription {
  readonly type: 'consul'
  /** host:port, with http:// or https:// or without. */
  readonly address?: string
  readonly prefix?: string
  readonly layout?: 'lock' | 'key'
  readonly ttlMs?: number
  readonly checkMs?: number
  readonly lockDelayMs?: number
  readonly serfHealth?: boolean
  readonly datacenter?: string
  readonly namespace?: string
  readonly tls?: { readonly certFile?: string; readonly keyFile?: string; readonly caFile?: string }
  readonly scope?: string
  /** Decimal: a bigint has no JSON. */
  readonly tokenBase?: string
}

export interface MemoryDescription {
  readonly type: 'memory'
}

/** A backend of the user's own: a module that exports `createBackend(options)`. */
export interface ModuleDescription {
  readonly type: 'module'
  /** Absolute path, or the name of a package. */
  readonly module: string
  readonly options: Readonly<Record<string, unknown>>
}

export interface TlsFiles {
  readonly caFile?: string
  readonly certFile?: string
  readonly keyFile?: string
}

/** What a service of its own is reached by. Holds no secret: those come from the environment. */
export interface EtcdDescription {
  readonly type: 'etcd'
  /** host:port. */
  readonly endpoints: readonly string[]
  readonly prefix?: string
  readonly ttlMs?: number
  readonly layout?: 'go' | 'etcd3'
  readonly user?: string
  /** True: with the certificates that Node trusts. */
  readonly tls?: true | TlsFiles
  /** Decimal: a bigint has no JSON. */
  readonly tokenBase?: string
}

/** Durations in ms. */
export interface ZooKeeperDescription {
  readonly type: 'zookeeper'
  /** host:port. */
  readonly servers: readonly string[]
  readonly chroot?: string
  readonly dialect?: 'curator-latch' | 'curator-lock' | 'kazoo'
  readonly sessionMs?: number
  readonly serverTickMs?: number
  readonly acl?: 'open' | 'creator'
  /** True: with the certificates that Node trusts. */
  readonly tls?: true | TlsFiles
  /** Decimal: a bigint has no JSON. */
  readonly tokenBase?: string
}

export interface KubernetesDescription {
  readonly type: 'kubernetes'
  readonly namespace?: string
  readonly preset?: 'fast' | 'default' | 'calm'
  readonly lock?: 'lease' | 'endpoints' | 'configmaps'
  /** The Lease of every election, instead of its name. */
  readonly lease?: string
  readonly context?: string
  readonly scope?: string
  /** key=value, on the leader's pod. */
  readonly leaderLabel?: string
  readonly pod?: string
  readonly events?: boolean
  /** Decimal: a bigint has no JSON. */
  readonly tokenBase?: string
}

/** One for each file in `services/`. */
export type ServiceDescription =
  | EtcdDescription
  | ConsulDescription
  | ZooKeeperDescription
  | KubernetesDescription

export type BackendDescription =
  | EmbeddedDescription
  | MemoryDescription
  | ModuleDescription
  | ServiceDescription

/** Backends that the grammar knows and this version does not have yet. */
export const plannedBackends: ReadonlyMap<string, string> = new Map()

export function isEmbedded(description: BackendDescription): description is EmbeddedDescription {
  return (embeddedEngines as readonly string[]).includes(description.type)
}

/** What a reader of the cluster needs: `status`, `observe` and `leader` never take on a peer's identity. */
export function asClient(description: BackendDescription): BackendDescription {
  if (!isEmbedded(description)) return description
  const { self: _self, dataDir: _dataDir, listen: _listen, ...client } = description
  return client
}
