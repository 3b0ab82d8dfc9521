import type { Instant } from '../seams/clock.ts'
import type { ClockBounds } from './deadline.ts'
import type { Hinted, Observation } from './observation.ts'
import type { Identity, LeaseRecord, LeaseWrite, Metadata } from './record.ts'

/** Fixed for one candidacy. All durations in ms. */
export interface LeaseSettings extends Identity, ClockBounds {
  readonly election: string
  readonly exclusivity: 'time' | 'token'
  readonly leaseMs: number
  /** A holder believes no longer after it sent its last successful write, though its lease may last longer. */
  readonly renewDeadlineMs: number
  /** A holder renews this long after it sent its last successful write. */
  readonly renewMs: number
  /** How long one request may take. */
  readonly attemptMs: number
  /** The longest pause between two attempts of a holder. */
  readonly retryMs: number
  /** A waiting candidate reads about this often. */
  readonly pollMs: number
  readonly preferenceMs: number
}

/** The clocks, for the length of one step. */
export interface Now {
  /** `Clock.lower()`: times others. */
  readonly lowerMs: number
  /** `Clock.elapsedMs`: times ourselves. */
  elapsedMs(since: Instant): number
}

/** `look`: read or take over. `renew` and `deadline`: a holder's. At most one of each is armed; arming again replaces. */
export type TimerName = 'look' | 'renew' | 'deadline'

export type ReadOutcome<Version> =
  | {
      readonly is: 'read'
      readonly record: LeaseRecord | null
      readonly version: Version
      /** Of the acquisition in force. */
      readonly token: bigint
    }
  | { readonly is: 'failed'; readonly error: unknown }

/** What a watch delivered: newer than every answer that came before it. */
export interface Seen<Version> {
  readonly record: LeaseRecord | null
  readonly version: Version
  readonly token: bigint
}

export type LeaseInput<Version> =
  | { readonly type: 'start' }
  | { readonly type: 'read-done'; readonly request: number; readonly outcome: ReadOutcome<Version> }
  | {
      readonly type: 'write-done'
      readonly request: number
      /** `upper()` just before the request was sent. */
      readonly sentAt: Instant
      readonly outcome: LeaseWrite<Version>
    }
  | { readonly type: 'timer'; readonly timer: TimerName }
  /** Somebody says that the record changed, and perhaps how. */
  | { readonly type: 'hint'; readonly seen?: Seen<Version> | undefined }
  /** `number` grows with each. Heard by a holder only. */
  | { readonly type: 'proclaim'; readonly number: number; readonly metadata: Metadata }
  /** Ends the leadership, then releases the record with a wish for `to`; answered by `left`. Heard by a holder only. */
  | { readonly type: 'transfer'; readonly to: string }
  /** Cancel or resign; answered by `left`. */
  | { readonly type: 'leave' }
  /** Whoever waits for the leave or the transfer waits no longer. */
  | { readonly type: 'give-up' }

export type EndReason = 'transferred' | 'expired' | 'suspended' | 'revoked' | 'refused'

export type LeaveResult = 'left' | 'was-not-holder' | 'unknown'

export type LeaseEffect<Version> =
  /** Answer with `read-done`; after `timeoutMs` cancel it and answer `failed`. A later answer is dropped. */
  | { readonly type: 'read'; readonly request: number; readonly timeoutMs: number }
  /** Answer with `write-done`; after `timeoutMs` cancel it and answer `unknown`. */
  | {
      readonly type: 'write'
      readonly request: number
      readonly next: LeaseRecord
      readonly expect: Version
      readonly timeoutMs: number
    }
  /** The driver draws the delay from the range. */
  | { readonly type: 'arm'; readonly timer: TimerName; readonly afterMs: readonly [min: number, max: number] }
  | { readonly type: 'disarm'; readonly timer: TimerName }
  | { readonly type: 'waiting' }
  | { readonly type: 'won'; readonly token: bigint; readonly sentAt: Instant; readonly leaseMs: number }
  | { readonly type: 'renewed'; readonly sentAt: Instant; readonly leaseMs: number }
  /** Not after a `leave`. */
  | { readonly type: 'ended'; readonly reason: EndReason; readonly cause?: unknown }
  /** A record with the metadata of the `proclaim` of this number was written; earlier ones are settled with it. */
  | { readonly type: 'proclaimed'; readonly upTo: number }
  | { readonly type: 'left'; readonly result: LeaveResult }
  | { readonly type: 'report'; readonly during: string; readonly error: unknown }

/** What an applied write gave us. Only an applied write does: a look-up cannot tell when its record was sent. */
export interface Grant<Version> {
  readonly sentAt: Instant
  readonly token: bigint
  readonly version: Version
  readonly record: LeaseRecord
}

/** A request of a holder: `check` reads. */
export type HolderRequest =
  | { readonly is: 'renewal'; readonly id: number; readonly next: LeaseRecord; readonly proclaims: number }
  | { readonly is: 'check'; readonly id: number }

export type LeavingStep<Version> =
  /** The write that was under way when we were told to leave. */
  | {
      readonly is: 'awaiting'
      readonly request: number
      readonly next: LeaseRecord
      readonly expect: Version
    }
  | { readonly is: 'reading'; readonly request: number }
  | { readonly is: 'releasing'; readonly request: number; readonly version: Version }
  | { readonly is: 'pausing' }

export interface Leaving<Version> {
  readonly is: 'leaving'
  readonly wasHolder: boolean
  readonly preferred: string | undefined
  /** After this, by `lower()`, expiry has freed the election anyway. */
  readonly untilMs: number
  /** A release was sent whose answer was lost. */
  readonly releaseSent: boolean
  readonly step: LeavingStep<Version>
}

export interface Leading<Version> {
  readonly is: 'leading'
  readonly grant: Grant<Version>
  readonly request: HolderRequest | null
  /** Our version may be outdated (conflict, lost reply): read before the next write. */
  readonly uncertain: boolean
}

export type Phase<Version> =
  | { readonly is: 'new' }
  /** `hinted`: the answer may be older than a change that we were told of. */
  | { readonly is: 'looking'; readonly request: number; readonly hinted: Hinted<Version> }
  /** `pausing`: after a failure; otherwise for a foreign record to change or run out. */
  | { readonly is: 'waiting'; readonly pausing: boolean }
  | {
      readonly is: 'acquiring'
      readonly request: number
      readonly expect: Version
      readonly next: LeaseRecord
      /** A watch showed somebody else in the record while our write was under way. */
      readonly doubted: boolean
    }
  | Leading<Version>
  | Leaving<Version>
  | { readonly is: 'over' }

export interface LeaseState<Version> {
  readonly settings: LeaseSettings
  readonly phase: Phase<Version>
  readonly metadata: Metadata
  /** Number of the newest `proclaim`; 0: none. */
  readonly proclaims: number
  readonly lastRequest: number
  /** Attempts in a row that led nowhere; grows the pause before the next. */
  readonly failures: number
  /** The store answered at least once, so it is neither misnamed nor closed to us. */
  readonly answered: boolean
  readonly announced: boolean
  readonly observation: Observation<Version> | null
  /** Renewals seen of a record with our id and another incarnation: its process is alive. */
  readonly namesakeRenewals: number
  /**
   * An acquiring write that may still land, as long as the record has this version. Every write of ours expects that
   * same version, so that at most one of them can be applied.
   */
  readonly unresolved: { readonly expect: Version } | null
}

export interface Step<Version> {
  readonly state: LeaseState<Version>
  readonly effects: readonly LeaseEffect<Version>[]
}
