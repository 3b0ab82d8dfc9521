/**
 * The record that a lease store keeps for one election, as the machine sees it. The types mirror `LeaseStore` in
 * backends/backend.ts, which this room may not import; the driver's compilation proves that they still fit.
 */

export type Metadata = Readonly<Record<string, string>>

export interface LeaseRecord {
  /** Candidate id of the holder; empty = released. */
  readonly holder: string
  /** Distinguishes two processes with one id. */
  readonly incarnation: string
  readonly leaseMs: number
  /** Acquisitions so far. */
  readonly transitions: number
  readonly exclusivity: 'time' | 'token'
  readonly metadata: Metadata
  /** In a released record: the candidate id that the last holder wished for. Others hold back for a while. */
  readonly preferred?: string
}

/** Compared with `===`. */
export type VersionValue = string | number | bigint | null

export type LeaseWrite<Version> =
  | { readonly is: 'applied'; readonly version: Version; readonly token: bigint }
  | { readonly is: 'conflict' }
  | { readonly is: 'rejected'; readonly error: unknown }
  | { readonly is: 'unknown'; readonly error?: unknown }

/** Who we are in the record. */
export interface Identity {
  readonly id: string
  readonly incarnation: string
}

/** Held by this very process. */
export function isOwn(record: LeaseRecord | null, self: Identity): boolean {
  return record !== null && record.holder === self.id && record.incarnation === self.incarnation
}

/** What we write to acquire. Always a new acquisition, also over our own record: the token must rise. */
export function acquired(
  previous: LeaseRecord | null,
  self: Identity,
  terms: Pick<LeaseRecord, 'leaseMs' | 'exclusivity' | 'metadata'>,
): LeaseRecord {
  return {
    holder: self.id,
    incarnation: self.incarnation,
    leaseMs: terms.leaseMs,
    transitions: (previous?.transitions ?? 0) + 1,
    exclusivity: terms.exclusivity,
    metadata: terms.metadata,
  }
}

/** What we write to release. Transitions and exclusivity belong to the election and stay. */
export function released(record: LeaseRecord, preferred: string | undefined): LeaseRecord {
  const free: LeaseRecord = {
    holder: '',
    incarnation: '',
    leaseMs: record.leaseMs,
    transitions: record.transitions,
    exclusivity: record.exclusivity,
    metadata: {},
  }
  return preferred === undefined ? free : { ...free, preferred }
}
