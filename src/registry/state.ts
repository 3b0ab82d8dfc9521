/**
 * What the log amounts to. Records are written here only by `apply`; everybody else reads. Every collection keeps the
 * order of the log, and nothing but that order decides anything, so that all peers hold the same registry.
 */
import type { PeerId } from '../protocols/quorum/types.ts'
import type { SessionKey } from '../protocols/support/types.ts'
import type { Exclusivity, FreedReason, Metadata, RequestResult, SessionHost } from './types.ts'

/** Part of the replicated rules: peers with different limits would hold different registries. */
export interface RegistryLimits {
  readonly elections: number
  /** Those who wait; the holder is not counted. */
  readonly candidatesPerElection: number
  readonly sessions: number
  readonly requestsPerBatch: number
}

export const defaultLimits: RegistryLimits = {
  elections: 100_000,
  candidatesPerElection: 1_000,
  sessions: 10_000,
  requestsPerBatch: 256,
}

export interface RegistryOptions {
  /** Added to the log index of each grant; fixed at bootstrap. */
  readonly tokenBase: bigint
  readonly limits?: Partial<RegistryLimits>
}

export interface Session {
  readonly key: SessionKey
  /** Candidate id. */
  readonly id: string
  readonly leaseMs: number
  readonly host: SessionHost | null
  epoch: number
  /** The last batch applied, with its results: a retry gets them again. */
  number: number
  results: readonly RequestResult[]
  /** The newer session of the same id: this one may hold on, but never wins again. */
  supersededBy: SessionKey | null
  /** Names of elections, in the order of the grants. */
  readonly holds: Set<string>
  /** Names of elections, in the order of the campaigns. */
  readonly waits: Set<string>
}

export interface Waiter {
  readonly session: SessionKey
  readonly priority: number
  readonly metadata: Metadata
  /** Of the campaign's entry. Within one election no two are equal: an entry speaks for one session. */
  readonly index: number
}

export interface Grant {
  readonly session: SessionKey
  readonly id: string
  readonly token: bigint
  readonly metadata: Metadata
  /** Of the grant's entry. */
  readonly index: number
}

/** Exists while it has a holder or a waiter. Tokens need no memory of it: they grow with the log. */
export interface ElectionState {
  readonly name: string
  /** Fixed by the first campaign. */
  readonly exclusivity: Exclusivity
  holder: Grant | null
  /** In the order of arrival; who is chosen first is told by `precedes`. */
  readonly queue: Map<SessionKey, Waiter>
  /** The target of a transfer, while it waits: chosen before all others. */
  preferred: SessionKey | null
  /** Why it was freed last, while this record lived. */
  lastReason: FreedReason | null
  /** Index of the entry that made it held or vacant. */
  sinceIndex: number
}

export interface Registry {
  readonly tokenBase: bigint
  readonly limits: RegistryLimits
  readonly sessions: Map<SessionKey, Session>
  /** The session of each candidate id that is not superseded. */
  readonly newest: Map<string, SessionKey>
  readonly elections: Map<string, ElectionState>
  /** Elections without a holder and with a waiter, in the order in which they came to be so. */
  readonly vacant: Set<string>
  /** Sessions hosted by each peer. */
  readonly hosted: Map<PeerId, Set<SessionKey>>
}

export function createRegistry({ tokenBase, limits }: RegistryOptions): Registry {
  return {
    tokenBase,
    limits: { ...defaultLimits, ...limits },
    sessions: new Map(),
    newest: new Map(),
    elections: new Map(),
    vacant: new Set(),
    hosted: new Map(),
  }
}

/** An independent copy. Waiters, grants and results are never written after they are made, so both share them. */
export function cloneRegistry(registry: Registry): Registry {
  const sessions = new Map<SessionKey, Session>()
  for (const [key, session] of registry.sessions) {
    sessions.set(key, { ...session, holds: new Set(session.holds), waits: new Set(session.waits) })
  }
  const elections = new Map<string, ElectionState>()
  for (const [name, election] of registry.elections) {
    elections.set(name, { ...election, queue: new Map(election.queue) })
  }
  const hosted = new Map<PeerId, Set<SessionKey>>()
  for (const [peer, keys] of registry.hosted) hosted.set(peer, new Set(keys))
  return {
    tokenBase: registry.tokenBase,
    limits: registry.limits,
    sessions,
    newest: new Map(registry.newest),
    elections,
    vacant: new Set(registry.vacant),
    hosted,
  }
}
