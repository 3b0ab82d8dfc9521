import { grantorSilenceMs } from './deadline.ts'
import type { ClockBounds } from './deadline.ts'
import { isOwn } from './record.ts'
import type { Identity, LeaseRecord, VersionValue } from './record.ts'

/** A version of the record, and when we first saw it. */
export interface Observation<Version> {
  readonly record: LeaseRecord | null
  readonly version: Version
  /** `lower()` at the answer of the read that first showed this version. */
  readonly sinceMs: number
}

/** What we were told of while a read was under way: nothing, a change that is not known, or one to this version. */
export type Hinted<Version> = 'no' | 'somehow' | { readonly to: Version }

/** Whether the answer of that read shows what we were told of. Versions have no order: if not, only a new read tells. */
export function showsHint<Version extends VersionValue>(hint: Hinted<Version>, version: Version): boolean {
  return hint === 'no' || (hint !== 'somehow' && hint.to === version)
}

/**
 * The local-observation rule: times written by others are never compared with our clock; only that a version stays
 * the same counts, timed by us (client-go's rule, with the version compared instead of a one-second timestamp).
 */
export function observe<Version extends VersionValue>(
  previous: Observation<Version> | null,
  seen: { readonly record: LeaseRecord | null; readonly version: Version },
  nowMs: number,
): Observation<Version> {
  if (previous !== null && previous.version === seen.version) return previous
  return { record: seen.record, version: seen.version, sinceMs: nowMs }
}

export interface Claimant extends Identity, ClockBounds {
  /** For a foreign record without a usable lease (some tools write such). */
  readonly leaseMs: number
  /** How long a released record is left to the candidate that its last holder wished for. */
  readonly preferenceMs: number
}

/** How long, in ms, until this version may be taken over; 0: now. Only this very version: a newer one waits anew. */
export function waitBeforeTakeoverMs(seen: Observation<VersionValue>, self: Claimant, nowMs: number): number {
  const { record, sinceMs } = seen
  if (record === null || isOwn(record, self)) return 0
  if (record.holder === '') {
    if (record.preferred === undefined || record.preferred === self.id) return 0
    return Math.max(0, sinceMs + self.preferenceMs - nowMs)
  }
  const leaseMs = record.leaseMs > 0 && Number.isFinite(record.leaseMs) ? record.leaseMs : self.leaseMs
  return Math.max(0, sinceMs + grantorSilenceMs(leaseMs, self) - nowMs)
}
