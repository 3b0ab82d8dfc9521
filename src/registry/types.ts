/**
 * The replicated state machine of an embedded cluster: sessions, elections, queues, grants, tokens. `apply` is a
 * function of (registry, log index, command); every peer that applied the same log holds the same registry.
 */
import type { PeerId } from '../protocols/quorum/types.ts'
import type { SessionKey } from '../protocols/support/types.ts'

export type Exclusivity = 'time' | 'token'
export type Metadata = Readonly<Record<string, string>>

/** The peer process that a session lives in; its death evidence counts for the session too. Null: a client. */
export interface SessionHost {
  readonly peer: PeerId
  readonly incarnation: number
}

/** One request of a session. A session sends its requests in numbered batches, one batch at a time. */
export type SessionRequest =
  | {
      readonly type: 'campaign'
      readonly election: string
      readonly exclusivity: Exclusivity
      readonly priority: number
      readonly metadata: Metadata
    }
  /** Leaves the queue; if the grant came first, releases it (no ghost win). */
  | { readonly type: 'leave'; readonly election: string }
  /** Gives up exactly the grant with this token. */
  | { readonly type: 'release'; readonly election: string; readonly token: bigint }
  /**
   * Changes nothing; tells whether `transfer` would be done now. The holder asks before it stops acting, because a
   * transfer names the successor at once: who stops only on its answer would overlap.
   */
  | {
      readonly type: 'check-transfer'
      readonly election: string
      readonly token: bigint
      readonly to: string
    }
  /** Releases in favour of the candidate id `to`, which must be waiting. */
  | { readonly type: 'transfer'; readonly election: string; readonly token: bigint; readonly to: string }
  | {
      readonly type: 'proclaim'
      readonly election: string
      readonly token: bigint
      readonly metadata: Metadata
    }
  /** Put by the leader in place of a campaign that it may not accept: the log then answers it like any other. */
  | {
      readonly type: 'turn-away'
      readonly election: string
      readonly code: 'LIMIT_EXCEEDED'
      readonly message: string
    }

/** Outcome of one request, kept with the session until its next batch, so that a retry gets the same answer. */
export type RequestResult =
  /** `ahead` counts everybody who stands before: the holder and the waiters that would be chosen sooner. */
  | { readonly is: 'queued'; readonly ahead: number }
  | { readonly is: 'done' }
  | { readonly is: 'was-not-holder' }
  | {
      readonly is: 'refused'
      readonly code: 'INVALID_OPTIONS' | 'DUPLICATE_ID' | 'LIMIT_EXCEEDED' | 'CLOSED'
      readonly message: string
      /** Of INVALID_OPTIONS: what the election has. Of LIMIT_EXCEEDED: the limit's name. */
      readonly expected?: string
    }
  /** Transfer only: `to` is not waiting. */
  | { readonly is: 'no-such-candidate' }

export type Command =
  | {
      readonly type: 'open'
      readonly session: SessionKey
      /** Candidate id. */
      readonly id: string
      readonly leaseMs: number
      readonly host: SessionHost | null
    }
  /** A5: moves a supported session that lost single voters to `epoch` + 1, its grants with it. */
  | { readonly type: 'reopen'; readonly session: SessionKey; readonly epoch: number }
  | {
      readonly type: 'batch'
      readonly session: SessionKey
      /** 1, 2, 3, …: a number that was applied is answered from the kept results, never applied again. */
      readonly number: number
      readonly requests: readonly SessionRequest[]
    }
  /** By the Raft leader. Each is checked again: vacant, and the session waits in that queue. One per election. */
  | {
      readonly type: 'grant'
      readonly grants: readonly { readonly election: string; readonly session: SessionKey }[]
    }
  /** A5: only with withdrawals from a majority; ignored for another epoch. Frees everything and ends the session. */
  | { readonly type: 'expire'; readonly session: SessionKey; readonly epoch: number }
  /** A6: frees the token-mode grants only; the session lives on. */
  | { readonly type: 'suspect'; readonly session: SessionKey; readonly epoch: number }
  /** By the session itself, or by somebody who knows that its holder is dead. */
  | { readonly type: 'close'; readonly session: SessionKey }

export type FreedReason = 'released' | 'transferred' | 'expired' | 'suspected' | 'closed'

/** What one command changed, in order. */
export type RegistryEvent =
  /**
   * `epoch` is the index of the entry, so that a key never has an epoch twice, even when a delayed duplicate opens it
   * again after its end (DESIGN §4.1 A1).
   */
  | {
      readonly type: 'session-opened'
      readonly session: SessionKey
      readonly id: string
      readonly epoch: number
      readonly leaseMs: number
    }
  /** There was no room: the session does not exist. Only when the leader did not ask `isFull` in time. */
  | {
      readonly type: 'open-refused'
      readonly session: SessionKey
      readonly code: 'LIMIT_EXCEEDED'
      readonly message: string
    }
  | {
      readonly type: 'session-reopened'
      readonly session: SessionKey
      readonly epoch: number
      readonly leaseMs: number
    }
  /** A newer session of the same id was opened: this one may hold on, but never wins again. */
  | { readonly type: 'session-superseded'; readonly session: SessionKey; readonly by: SessionKey }
  | { readonly type: 'session-closed'; readonly session: SessionKey; readonly reason: 'closed' | 'expired' }
  | {
      readonly type: 'batch-applied'
      readonly session: SessionKey
      readonly number: number
      readonly results: readonly RequestResult[]
    }
  | {
      readonly type: 'granted'
      readonly election: string
      readonly session: SessionKey
      readonly id: string
      readonly token: bigint
      readonly metadata: Metadata
    }
  | {
      readonly type: 'freed'
      readonly election: string
      readonly session: SessionKey
      readonly token: bigint
      readonly reason: FreedReason
    }
  | {
      readonly type: 'proclaimed'
      readonly election: string
      readonly token: bigint
      readonly metadata: Metadata
    }
  /** The queue of this election changed: somebody's `ahead` is another number. */
  | { readonly type: 'queue-changed'; readonly election: string }
