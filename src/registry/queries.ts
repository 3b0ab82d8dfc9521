/** Questions that the rest of a peer asks of the registry. None of them changes it. */
import type { PeerId } from '../protocols/quorum/types.ts'
import type { SessionKey } from '../protocols/support/types.ts'
import { aheadOf, precedes } from './queue.ts'
import type { Grant, Registry } from './state.ts'
import type { Exclusivity, FreedReason, RequestResult } from './types.ts'

/** The state of a session as its holder needs it after a re-attachment. */
export interface SessionView {
  readonly epoch: number
  readonly number: number
  readonly results: readonly RequestResult[]
  readonly holds: readonly { readonly election: string; readonly token: bigint }[]
  readonly waits: readonly { readonly election: string; readonly ahead: number }[]
}

export interface ElectionView {
  readonly name: string
  readonly exclusivity: Exclusivity
  readonly holder: Grant | null
  /** Who would be chosen first stands first. */
  readonly waiting: readonly {
    readonly session: SessionKey
    readonly id: string
    readonly priority: number
  }[]
  readonly lastReason: FreedReason | null
  /** Index of the entry that made it held or vacant. */
  readonly sinceIndex: number
}

/** Elections that somebody waits for and nobody holds. Kept, not searched: asking costs nothing. */
export function vacantElections(registry: Registry): ReadonlySet<string> {
  return registry.vacant
}

export function sessionState(registry: Registry, key: SessionKey): SessionView | null {
  const session = registry.sessions.get(key)
  if (session === undefined) return null
  const holds: { election: string; token: bigint }[] = []
  for (const election of session.holds) {
    const token = registry.elections.get(election)?.holder?.token
    if (token !== undefined) holds.push({ election, token })
  }
  const waits = [...session.waits].map((election) => ({
    election,
    ahead: aheadOf(registry, election, key) ?? 0,
  }))
  return { epoch: session.epoch, number: session.number, results: session.results, holds, waits }
}

/** Null: nobody holds it or waits for it. */
export function electionState(registry: Registry, name: string): ElectionView | null {
  const election = registry.elections.get(name)
  if (election === undefined) return null
  const { exclusivity, holder, lastReason, sinceIndex } = election
  const waiting = [...election.queue.values()]
    .toSorted((left, right) => (precedes(election, left, right) ? -1 : 1))
    .map(({ session, priority }) => ({ session, id: registry.sessions.get(session)?.id ?? '', priority }))
  return { name, exclusivity, holder, waiting, lastReason, sinceIndex }
}

/** Sessions of the process that runs the peer, oldest first, superseded ones included: whom its death concerns. */
export function sessionsOf(registry: Registry, peer: PeerId): SessionKey[] {
  return [...(registry.hosted.get(peer) ?? [])]
}

/** The session of a candidate id that may win; an older one that holds on is not it. */
export function newestSession(registry: Registry, id: string): SessionKey | null {
  return registry.newest.get(id) ?? null
}

/** True: an `open` would be refused now. */
export function isFull(registry: Registry): boolean {
  return registry.sessions.size >= registry.limits.sessions
}
