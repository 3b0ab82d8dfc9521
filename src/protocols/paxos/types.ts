/**
 * PaxosLease with its holes closed (docs/paxos.md; DESIGN §4.3): what proposers, which live in sessions, and acceptors,
 * one at each peer, say to each other, and what an acceptor writes down.
 */
import type { PeerId } from '../quorum/types.ts'
import type { LeaseBounds, SessionKey } from '../support/types.ts'

export type { LeaseBounds, SessionKey } from '../support/types.ts'

/** What is agreed upon: `e:NAME` is an election, `i:ID` the right to use a candidate id. */
export type Instance = string

export type Exclusivity = 'time' | 'token'
export type Metadata = Readonly<Record<string, string>>

/**
 * A counter. An acceptor promises each number of an instance to one session at most, so no majority ever promises one
 * number to two, and the number alone orders attempts. 0 is below every ballot.
 */
export type Ballot = number

/** The peer process that a session lives in; evidence of its death counts for the session too. Null: a client. */
export interface Host {
  readonly peer: PeerId
  readonly incarnation: number
}

/** Who owns an instance. Its lifetime is not in it: an acceptor keeps it while it supports the session. */
export interface Owner {
  readonly session: SessionKey
  readonly id: string
  readonly leaseMs: number
  readonly exclusivity: Exclusivity
  /** The ballot of the acquisition; later ballots of the same ownership are internal. */
  readonly token: Ballot
  readonly metadata: Metadata
  /** Grows with each change of the metadata. */
  readonly revision: number
}

/** Why an owner gave up by itself; `expired`: its support had run out. */
export type OwnEnding = 'released' | 'transferred' | 'expired'
/** `suspected`: death evidence, in token mode. `closed`: its session ended. */
export type Ending = OwnEnding | 'suspected' | 'closed'

/** From a session's proposer to an acceptor. */
export type PaxosRequest =
  | { readonly type: 'keepalive'; readonly sequence: number; readonly leaseMs: number }
  /** Phase 1. Who finds the instance taken waits in line and is told when it is free. */
  | {
      readonly type: 'prepare'
      readonly instance: Instance
      readonly ballot: Ballot
      readonly id: string
      readonly leaseMs: number
      readonly exclusivity: Exclusivity
      readonly priority: number
    }
  /** Phase 2. Counts as the keepalive with this number too. */
  | {
      readonly type: 'propose'
      readonly instance: Instance
      readonly ballot: Ballot
      readonly owner: Owner
      readonly sequence: number
    }
  /** Gives up what this session has or asked for by ballots up to this one, in favour of `to` if that is waiting. */
  | {
      readonly type: 'release'
      readonly instance: Instance
      readonly ballot: Ballot
      readonly to: string | null
      /** Whether the session goes on waiting in line. */
      readonly stays: boolean
      /** Of who led by it: why it does so no more. */
      readonly why?: OwnEnding
    }
  /** Does a candidate of this id wait in line? */
  | { readonly type: 'seek'; readonly instance: Instance; readonly to: string }
  /** Tell who owns it, now and whenever that changes, while this session is heard. */
  | { readonly type: 'watch'; readonly instance: Instance }
  | { readonly type: 'unwatch'; readonly instance: Instance }
  /** The session ends and releases all it has. */
  | { readonly type: 'close' }

/**
 * The digest of what an acceptor holds for a session. While it is the same, the acceptor dropped nothing that it
 * accepted, nobody it put in line, and no watcher; any other means that all has to be proposed to it again.
 */
export interface Tie {
  /** Incarnation of the acceptor. */
  readonly life: number
  /** Never used twice in one life. */
  readonly tie: number
}

/** From an acceptor to a session. */
export type PaxosReply =
  /** `told`: how much news (`free`, `state`) this acceptor has sent under this tie; less came, so some was lost. */
  | ({ readonly type: 'keepalive-ack'; readonly sequence: number; readonly told: number } & Tie)
  /** The instance is empty here, or the asker's own already; nobody below the ballot is accepted any more. */
  | { readonly type: 'promise'; readonly instance: Instance; readonly ballot: Ballot }
  | ({
      readonly type: 'accepted'
      readonly instance: Instance
      readonly ballot: Ballot
      readonly revision: number
      readonly sequence: number
    } & Tie)
  /** A higher ballot was promised. */
  | {
      readonly type: 'rejected'
      readonly instance: Instance
      readonly ballot: Ballot
      readonly promised: Ballot
    }
  /** Token mode: it accepted a later acquisition since, which may have won and been given back. */
  | { readonly type: 'superseded'; readonly instance: Instance; readonly token: Ballot }
  /** Owned by a session that this acceptor supports, or kept for another one. */
  | ({
      readonly type: 'held'
      readonly instance: Instance
      readonly ballot: Ballot
      readonly by: Pick<Owner, 'session' | 'id' | 'token' | 'exclusivity'>
      /** How long ago the owner was heard. */
      readonly silentMs: number
      /** How many stand before the asker in this acceptor's line. */
      readonly ahead: number
      /** As in `keepalive-ack`. News may overtake this answer, and there would be no more of it. */
      readonly told: number
    } & Tie)
  /** The acceptor started a short time ago and cannot know what it had accepted before. */
  | {
      readonly type: 'unsure'
      readonly instance: Instance
      readonly ballot: Ballot
      readonly waitMs: number
    }
  | {
      readonly type: 'released'
      readonly instance: Instance
      readonly ballot: Ballot
      readonly owned: boolean
    }
  /** `known`: it had anything here. */
  | { readonly type: 'closed'; readonly known: boolean }
  | { readonly type: 'sought'; readonly instance: Instance; readonly to: string; readonly waits: boolean }
  /** News for who waits in line: it is free here, and so many are to try before. `told`: so much news with this. */
  | ({
      readonly type: 'free'
      readonly instance: Instance
      readonly rank: number
      readonly told: number
    } & Tie)
  /** News for who watches. `owner` null: empty. `unsure`: this acceptor cannot know yet. */
  | ({
      readonly type: 'state'
      readonly instance: Instance
      /** Of this acceptor's life: the order of its news. */
      readonly version: number
      readonly owner: Pick<Owner, 'id' | 'token' | 'metadata' | 'revision'> | null
      readonly unsure: boolean
    } & Tie)

/** All that an acceptor keeps on disk; the newest record counts. */
export interface AcceptorRecord {
  /** No ballot above it was ever promised. */
  readonly ceiling: Ballot
  /** The longest lease of anything ever accepted, in ms. */
  readonly longestLeaseMs: number
  readonly stopped?: CleanStop
}

/** Written last by an acceptor that stops and answers nothing any more: all that it had accepted. */
export interface CleanStop {
  /** Incarnation of the life that ended so. Only the very next one may count on it: whatever it accepts is not in it. */
  readonly life: number
  readonly kept: readonly Kept[]
  /** Of instances that nobody holds here: the newest acquisition of token mode. */
  readonly past: readonly Past[]
}

export interface Past {
  readonly instance: Instance
  readonly token: Ballot
}

export interface Kept extends Owner {
  readonly instance: Instance
  readonly ballot: Ballot
  readonly via: PeerId
  readonly host: Host | null
}

/** Where a session is: through which peer it speaks. */
export interface Address {
  readonly session: SessionKey
  readonly via: PeerId
  readonly host: Host | null
}

export type AcceptorInput =
  | { readonly type: 'request'; readonly from: Address; readonly request: PaxosRequest }
  /** The process of this peer is surely dead, in whatever incarnation up to this one. */
  | { readonly type: 'evidence'; readonly peer: PeerId; readonly incarnation: number }
  /** The instant asked for by the last `wake-at` has come. */
  | { readonly type: 'wake' }

export type AcceptorEffect =
  /** `after`: release only once persist effect number `after` is durable. */
  | { readonly type: 'reply'; readonly to: Address; readonly reply: PaxosReply; readonly after?: number }
  | { readonly type: 'persist'; readonly sequence: number; readonly record: AcceptorRecord }
  /** One timer; a later effect replaces it, null cancels it. `at` by `clock.lower()`. */
  | { readonly type: 'wake-at'; readonly at: number | null }

export interface AcceptorOptions {
  readonly self: PeerId
  /** Of this start. */
  readonly incarnation: number
  readonly bounds: LeaseBounds
  readonly heartbeatMs: number
  /** `clock.lower()` */
  readonly startedAt: number
  /** The newest record on disk; null: this folder never promised anything. */
  readonly recovered: AcceptorRecord | null
}
