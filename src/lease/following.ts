/** What an observer of a lease record may tell, and when it looks again. Reads only; holds no candidacy. */
import { grantorSilenceMs } from './deadline.ts'
import type { ClockBounds } from './deadline.ts'
import type { ReadOutcome } from './machine-types.ts'
import { observe } from './observation.ts'
import type { Observation } from './observation.ts'
import type { LeaseRecord, Metadata, VersionValue } from './record.ts'
import { roundUp } from './requests.ts'

export type Followed =
  | { readonly is: 'led'; readonly id: string; readonly token: bigint; readonly metadata: Metadata }
  | { readonly is: 'vacant' }
  | { readonly is: 'unknown'; readonly cause: unknown }

export interface Follower<Version> {
  readonly observation: Observation<Version> | null
  /** The highest token told; a read with a lower one is older than what we told. */
  readonly token: bigint
  /** The lease of the leader told last, for a record that vanished. */
  readonly leaseMs: number
  readonly told: Followed | null
}

export interface FollowerSettings extends ClockBounds {
  readonly leaseMs: number
  readonly pollMs: number
}

export interface FollowedStep<Version> {
  readonly state: Follower<Version>
  /** News, or null. */
  readonly tell: Followed | null
  /** The driver draws when to read again. */
  readonly againMs: readonly [min: number, max: number]
}

export function newFollower<V>(settings: FollowerSettings): Follower<V> {
  return { observation: null, token: 0n, leaseMs: settings.leaseMs, told: null }
}

export function follow<V extends VersionValue>(
  state: Follower<V>,
  outcome: ReadOutcome<V>,
  settings: FollowerSettings,
  nowMs: number,
): FollowedStep<V> {
  const poll = [settings.pollMs * 0.8, settings.pollMs * 1.2] as const
  if (outcome.is === 'failed') return tell(state, { is: 'unknown', cause: outcome.error }, retryMs(settings))
  // A lagging replica, or a cache: tokens never go back. A record that is gone has no token to compare.
  if (outcome.record !== null && outcome.token < state.token) return { state, tell: null, againMs: poll }
  const observation = observe(state.observation, outcome, nowMs)
  const next = { ...state, observation }
  const { record } = observation
  const silenceMs = silenceNeededMs(record, next, settings)
  const leftMs = Math.max(0, observation.sinceMs + silenceMs - nowMs)
  if (leftMs === 0) return tell(next, { is: 'vacant' }, poll)
  const restMs = roundUp(leftMs)
  const againMs = [Math.min(poll[0], restMs), Math.min(poll[1], restMs)] as const
  // Vanished while it was led: an older state may look like this too, so it is vacant once the lease ran out.
  if (record === null) return { state: next, tell: null, againMs }
  const led: Followed = { is: 'led', id: record.holder, token: outcome.token, metadata: record.metadata }
  return tell({ ...next, token: outcome.token, leaseMs: leaseOf(record, settings) }, led, againMs)
}

/** Where a watch tells of changes a poll may be rare; after a failure nobody tells that the store is back. */
function retryMs({ pollMs, leaseMs }: FollowerSettings): readonly [min: number, max: number] {
  const aboutMs = Math.min(pollMs, leaseMs / 3)
  return [aboutMs * 0.8, aboutMs * 1.2]
}

/** How long this version must be seen unchanged until nobody leads by it; 0: nobody does. */
function silenceNeededMs<V>(
  record: LeaseRecord | null,
  state: Follower<V>,
  settings: FollowerSettings,
): number {
  if (record === null) return state.token === 0n ? 0 : grantorSilenceMs(state.leaseMs, settings)
  return record.holder === '' ? 0 : grantorSilenceMs(leaseOf(record, settings), settings)
}

function leaseOf(record: LeaseRecord, settings: FollowerSettings): number {
  return record.leaseMs > 0 && Number.isFinite(record.leaseMs) ? record.leaseMs : settings.leaseMs
}

function tell<V>(
  state: Follower<V>,
  news: Followed,
  againMs: readonly [min: number, max: number],
): FollowedStep<V> {
  if (state.told !== null && same(state.told, news)) return { state, tell: null, againMs }
  return { state: { ...state, told: news }, tell: news, againMs }
}

function same(a: Followed, b: Followed): boolean {
  if (a.is !== 'led' || b.is !== 'led') return a.is === b.is
  if (a.id !== b.id || a.token !== b.token) return false
  const keys = Object.keys(a.metadata)
  return (
    keys.length === Object.keys(b.metadata).length && keys.every((key) => a.metadata[key] === b.metadata[key])
  )
}
