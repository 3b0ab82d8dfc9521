/**
 * What travels between peers, and between a peer and the holders of sessions (its own process's, over an in-memory
 * link; a client's, over TCP). Data only; encoding is the transport's.
 */
import type { MandateErrorCode } from '../errors.ts'
import type { PeerId } from '../protocols/quorum/types.ts'
import type { RaftMessage } from '../protocols/raft/types.ts'
import type { SessionKey, SupportMessage } from '../protocols/support/types.ts'
import type { Start } from '../seams/storage.ts'
import type { DeskMessage, HolderAnswers, HolderAsked, OperatorAsks, OperatorTold } from './operator-desk.ts'
import type {
  Command,
  Exclusivity,
  Metadata,
  RequestResult,
  SessionHost,
  SessionRequest,
} from '../registry/types.ts'

export interface OpenRequest {
  readonly session: SessionKey
  /** Candidate id. */
  readonly id: string
  readonly leaseMs: number
  readonly host: SessionHost | null
}

/** A command of a session on its way to the Raft leader. Answered by its effect in the log, or by `turned-away`. */
export type Proposal =
  | { readonly type: 'open'; readonly request: OpenRequest }
  | {
      readonly type: 'batch'
      readonly session: SessionKey
      readonly number: number
      readonly requests: readonly SessionRequest[]
    }
  /** The holder lost single voters but is supported by a majority: A5. */
  | { readonly type: 'reopen'; readonly session: SessionKey; readonly epoch: number }
  | { readonly type: 'close'; readonly session: SessionKey }

export interface ErrorReply {
  readonly code: MandateErrorCode
  readonly message: string
  readonly details?: Readonly<Record<string, unknown>>
}

/** Between peers. */
export type PeerMessage =
  | { readonly kind: 'raft'; readonly message: RaftMessage<Command> }
  | { readonly kind: 'support'; readonly message: SupportMessage }
  /** To whom the sender believes to be the Raft leader. */
  | { readonly kind: 'propose'; readonly proposal: Proposal }
  /** By the leader: refused for good; the sponsor tells the holder. */
  | { readonly kind: 'turned-away'; readonly session: SessionKey; readonly error: ErrorReply }
  /** Linearizable read through the leader (Dissertation §6.4): `index` null = not the leader, ask again. */
  | { readonly kind: 'read-index'; readonly id: number }
  | { readonly kind: 'read-index-reply'; readonly id: number; readonly index: number | null }
  | DeskMessage

/** From the holder of a session, or from a reader, to its sponsor. */
export type HolderMessage =
  /** Opens; with `reattach` after a change of sponsor: it was open once, and must not be opened again. Idempotent. */
  | { readonly type: 'open'; readonly request: OpenRequest; readonly reattach: boolean }
  | {
      readonly type: 'keepalive'
      readonly session: SessionKey
      readonly epoch: number
      readonly sequence: number
      readonly patient?: boolean
    }
  | { readonly type: 'reopen'; readonly session: SessionKey; readonly epoch: number }
  | {
      readonly type: 'batch'
      readonly session: SessionKey
      readonly number: number
      readonly requests: readonly SessionRequest[]
    }
  | { readonly type: 'close'; readonly session: SessionKey }
  /** Present state after a linearizable read, then every change. */
  | { readonly type: 'observe'; readonly id: number; readonly election: string }
  | { readonly type: 'unobserve'; readonly id: number }
  | { readonly type: 'status'; readonly id: number; readonly election: string | null }
  | OperatorAsks
  | HolderAnswers

/** What the session holds, sent with every (re-)attachment so that pushes lost with a sponsor are made good. */
export interface SessionState {
  readonly epoch: number
  /** The last batch applied, with its results. */
  readonly number: number
  readonly results: readonly RequestResult[]
  readonly holds: readonly { readonly election: string; readonly token: bigint }[]
  readonly waits: readonly { readonly election: string; readonly ahead: number }[]
}

/** From the sponsor to a holder or reader. */
export type SponsorMessage =
  | {
      readonly type: 'opened'
      readonly session: SessionKey
      readonly scope: string
      readonly voters: readonly PeerId[]
      readonly state: SessionState
    }
  /** The session does not exist, and will not: refused, expired, or closed. */
  | { readonly type: 'session-ended'; readonly session: SessionKey; readonly error: ErrorReply }
  | { readonly type: 'support'; readonly message: SupportMessage }
  | {
      readonly type: 'results'
      readonly session: SessionKey
      readonly number: number
      readonly results: readonly RequestResult[]
    }
  | { readonly type: 'reopened'; readonly session: SessionKey; readonly epoch: number }
  | {
      readonly type: 'waiting'
      readonly session: SessionKey
      readonly election: string
      readonly ahead: number
    }
  | {
      readonly type: 'granted'
      readonly session: SessionKey
      readonly election: string
      readonly token: bigint
    }
  | {
      readonly type: 'freed'
      readonly session: SessionKey
      readonly election: string
      readonly token: bigint
      readonly reason: 'released' | 'transferred' | 'expired' | 'suspected' | 'closed'
    }
  | { readonly type: 'observed'; readonly id: number; readonly state: ObservedState }
  | { readonly type: 'status'; readonly id: number; readonly status: PeerStatus }
  | HolderAsked
  | OperatorTold
  | { readonly type: 'error'; readonly id: number | null; readonly error: ErrorReply }

export type ObservedState =
  | { readonly is: 'led'; readonly id: string; readonly token: bigint; readonly metadata: Metadata }
  | { readonly is: 'vacant' }
  | { readonly is: 'unknown'; readonly reason: string }

/** One peer's view, for `mandate status`; the CLI merges the views of all peers it reaches. */
export interface PeerStatus {
  readonly peer: PeerId
  readonly cluster: string
  readonly version: string
  readonly role: 'leader' | 'follower' | 'candidate'
  readonly term: number
  readonly leader: PeerId | null
  readonly commitIndex: number
  readonly appliedIndex: number
  readonly logBytes: number
  readonly logBytesMax: number
  /** True if this peer confirmed, for this very answer, that a quorum follows the leader it knows. */
  readonly quorum: boolean
  readonly peers: readonly {
    readonly id: PeerId
    readonly address: string
    readonly reachable: boolean
    readonly lastHeardMs: number | null
    readonly problem: string | null
  }[]
  readonly elections: readonly ElectionStatus[]
}

export interface ElectionStatus {
  readonly name: string
  readonly exclusivity: Exclusivity
  readonly leader: { readonly id: string; readonly token: bigint; readonly metadata: Metadata } | null
  /** Since the grant was applied here; null when unknown. */
  readonly heldMs: number | null
  /** Lower bound seen by this peer as voter; null when nobody holds it. */
  readonly expiresInMs: number | null
  readonly waiting: readonly { readonly id: string; readonly priority: number }[]
  readonly lastReason: string | null
}

/** One process of a peer, as the others remember it. */
export interface PeerRecord extends Start {
  readonly peer: PeerId
  readonly storageId: string
}

/** What is on disk, in order. */
export type LogRecord =
  /** First record of every folder. */
  | { readonly type: 'identity'; readonly cluster: string; readonly peer: PeerId; readonly storageId: string }
  /** Written by `open`, before anything is answered. */
  | ({ readonly type: 'incarnation' } & Start)
  | { readonly type: 'hard-state'; readonly term: number; readonly votedFor: PeerId | null }
  /** Overwrites everything at and behind its first index. */
  | {
      readonly type: 'entries'
      readonly entries: readonly {
        readonly index: number
        readonly term: number
        readonly data: Command | null
      }[]
    }
  | { readonly type: 'withdrawal'; readonly session: SessionKey; readonly epoch: number }
  /** What another engine than Raft keeps (`engine/engine.ts`); it knows how to read it. */
  | {
      readonly type: 'engine'
      readonly engine: 'paxos' | 'bully' | 'bully-classic'
      readonly record: Readonly<Record<string, unknown>>
    }
  /** Who stood behind another peer's id when it was last let in: what comes with less is not let in again. */
  | ({ readonly type: 'peer' } & PeerRecord)
