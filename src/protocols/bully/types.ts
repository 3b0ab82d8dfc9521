/**
 * Bully with a quorum (DESIGN §4.4) as a function of messages: `step(bully, input, now)` changes the state and returns
 * effects, in order. Each peer votes, and stands on behalf of the sessions attached to it. `docs/bully.md` tells the protocol.
 */
import type { Configuration, PeerId } from '../quorum/types.ts'
import type {
  Keepalive,
  KeepaliveAck,
  KeepaliveRefusal,
  LeaseBounds,
  SessionKey,
  Withdrawal,
  WithdrawAnswer,
} from '../support/types.ts'

export type Exclusivity = 'time' | 'token'
export type Metadata = Readonly<Record<string, string>>

export interface BullyOptions {
  readonly self: PeerId
  /** Of this start of the peer: grows with each. */
  readonly incarnation: number
  readonly configuration: Configuration
  readonly heartbeatMs: number
  /** Between two ranks that wait for the same vacancy. */
  readonly rankStepMs: number
  readonly bounds: LeaseBounds
  /** `clock.lower()` */
  readonly startedAt: number
  /** A leader is told of a better candidate that stood so long without a flap; null: never. @default null */
  readonly preemptAfterMs?: number | null
}

/** What everybody must know of a session to judge its silence. */
export interface SessionFacts {
  /** Names one process life of one candidate id; never used again. */
  readonly session: SessionKey
  /** Begins at 1; one higher with each reopening (A5). */
  readonly epoch: number
  readonly id: string
  readonly leaseMs: number
  /** The peer process that it lives in; null for a client's. */
  readonly host: { readonly peer: PeerId; readonly incarnation: number } | null
}

export interface Rank {
  readonly priority: number
  readonly id: string
}

/** One candidate of one election. */
export interface Stand {
  readonly of: SessionFacts
  readonly priority: number
  readonly exclusivity: Exclusivity
  readonly metadata: Metadata
}

/** What a vote is for: durable, and the only one of its epoch. */
export interface Ballot {
  readonly epoch: number
  readonly stand: Stand
}

/** Nothing that `session` won in this election up to `epoch` is held, or ever will be: said by whoever would hold it. */
export interface Freed {
  readonly session: SessionKey
  readonly epoch: number
}

export type BullyMessage =
  | KeepaliveAck
  | KeepaliveRefusal
  | WithdrawAnswer
  | Keepalive
  /** As A4, with what a voter that never heard of the session needs. */
  | { readonly type: 'withdraw'; readonly of: SessionFacts }
  /** Epochs above 1 are reopenings: durable before the answer. */
  | { readonly type: 'open'; readonly of: SessionFacts }
  | {
      readonly type: 'open-reply'
      readonly session: SessionKey
      readonly epoch: number
      readonly is: 'open' | 'duplicate' | 'over'
    }
  /** To whoever asked to withdraw from an earlier epoch: the session goes on in this one. */
  | { readonly type: 'reopened'; readonly of: SessionFacts }
  /** A keepalive came of a session that this voter does not know. */
  | { readonly type: 'open-needed'; readonly session: SessionKey }
  /** It gave up everything first. */
  | { readonly type: 'closed'; readonly session: SessionKey }
  /** ELECTION: I stand, and see nobody who leads. Binds nobody. */
  | { readonly type: 'ask'; readonly election: string; readonly round: number; readonly stand: Stand }
  /** OK. */
  | ({ readonly type: 'answer'; readonly election: string; readonly round: number } & Answer)
  | {
      readonly type: 'vote'
      readonly election: string
      readonly ballot: Ballot
      /** Why the votes cast before stand in nobody's way. */
      readonly won: number
      readonly withdrawn: readonly Withdrawal[]
      readonly freed: readonly Freed[]
    }
  | {
      readonly type: 'vote-reply'
      readonly election: string
      readonly session: SessionKey
      readonly epoch: number
      readonly granted: boolean
      readonly view: View
    }
  /** COORDINATOR. */
  | ({ readonly type: 'led'; readonly note: number; readonly election: string } & Led)
  /** The news of that number was heard, and need not be repeated. */
  | { readonly type: 'noted'; readonly note: number }
  | {
      readonly type: 'freed'
      readonly note: number
      readonly election: string
      readonly freed: Freed
      /** The candidate that it is handed over to. */
      readonly heir: string | null
      /** The highest epoch known to be won: whoever led before is told by it, even if that one's leader has stopped already. */
      readonly won: number
    }
  | { readonly type: 'left'; readonly election: string; readonly session: SessionKey }

export interface Held extends Ballot {
  /** As far as this voter can tell, whoever it elected is dead or cut off. */
  readonly isSilent: boolean
}

/** What one voter knows of one election. */
export interface View {
  /** No epoch up to it gets another vote here. */
  readonly promised: number
  /** The highest epoch that is known to have been won: whatever was voted for below it is over, or came to nothing. */
  readonly won: number
  /** What stands in the way of another vote here, newest first. */
  readonly held: readonly Held[]
  readonly withdrawn: readonly Withdrawal[]
  readonly freed: readonly Freed[]
}

export interface Answer {
  readonly session: SessionKey
  readonly view: View
  /** The best candidate of higher rank that this voter hears. */
  readonly better: Stand | null
}

export interface Led {
  readonly epoch: number
  readonly stand: Stand
  /** Grows with each proclamation of one leadership. */
  readonly version: number
}

export type BullyInput =
  /** `incarnation`: of the start that says it. @default the newest */
  | {
      readonly type: 'message'
      readonly from: PeerId
      readonly incarnation?: number
      readonly message: BullyMessage
    }
  /** All persist effects up to `sequence` are durable. */
  | { readonly type: 'persisted'; readonly sequence: number }
  /** The instant asked for by the last `wake-at` has come, and one poll phase has passed. */
  | { readonly type: 'wake' }
  /** Death evidence about the process of a peer: may start an election, and in token mode free one. */
  | {
      readonly type: 'evidence'
      readonly peer: PeerId
      /** Every start up to this one is gone. @default all of them */
      readonly incarnation?: number
    }
  | { readonly type: 'contact'; readonly peer: PeerId }
  /** Of sessions attached to this peer. Again with a higher epoch: a reopening. */
  | { readonly type: 'open'; readonly of: SessionFacts }
  | { readonly type: 'keepalive'; readonly keepalive: Keepalive }
  /** After everything that it held was given up. */
  | { readonly type: 'close'; readonly session: SessionKey }
  /** `tag` tells this candidacy, or this request, from others of the session: what is told of it carries it. */
  /** Said by somebody who knows that its holder is dead. */
  | { readonly type: 'ended'; readonly session: SessionKey }
  | { readonly type: 'campaign'; readonly election: string; readonly stand: Stand; readonly tag?: number }
  /** Cancels, or releases; whatever the session won in this election is over. `heir`: a candidate id. */
  | {
      readonly type: 'leave'
      readonly election: string
      readonly session: SessionKey
      readonly heir?: string
      readonly tag?: number
    }
  | {
      readonly type: 'proclaim'
      readonly election: string
      readonly session: SessionKey
      readonly metadata: Metadata
      readonly tag?: number
    }

/** One record of the voter's memory; the last of each kind and name counts. */
export type BullyRecord =
  | {
      readonly type: 'vote'
      readonly election: string
      readonly ballot: Ballot
      /** Earlier ballots that this one is to replace, until it is known to be won. */
      readonly past: readonly Ballot[]
    }
  | { readonly type: 'withdrawal'; readonly withdrawal: Withdrawal }
  | { readonly type: 'reopened'; readonly withdrawal: Withdrawal }

export type SessionNews =
  | { readonly type: 'opened'; readonly epoch: number }
  /** Another live session has its candidate id. */
  | { readonly type: 'duplicate' }
  /** A majority withdrew from it. */
  | { readonly type: 'over' }
  | { readonly type: 'support'; readonly reply: KeepaliveAck | KeepaliveRefusal }
  | {
      readonly type: 'granted'
      readonly election: string
      readonly epoch: number
      readonly tag: number
    }
  /** A majority knows of the end, or of the metadata, that was asked for. */
  | { readonly type: 'known'; readonly election: string; readonly tag: number }
  /** It does not lead, so there was nothing to do. */
  | { readonly type: 'not-holder'; readonly election: string; readonly tag: number }
  | { readonly type: 'waiting'; readonly election: string; readonly ahead: number }
  | { readonly type: 'refused'; readonly election: string; readonly reason: 'exclusivity' }
  /** Token mode: a majority elected another one. */
  | { readonly type: 'superseded'; readonly election: string; readonly epoch: number }
  /** A better candidate has been up long enough: hand over to it. */
  | { readonly type: 'challenged'; readonly election: string; readonly by: string }

export type BullyEffect =
  /** `after`: release only once persist number `after` is durable. */
  | {
      readonly type: 'send'
      readonly to: PeerId
      readonly message: BullyMessage
      readonly after?: number
    }
  | { readonly type: 'persist'; readonly sequence: number; readonly records: readonly BullyRecord[] }
  /** One timer; a later effect replaces it, null cancels it. `at` by `clock.lower()`. */
  | { readonly type: 'wake-at'; readonly at: number | null }
  | { readonly type: 'tell'; readonly session: SessionKey; readonly news: SessionNews }
  /** Whoever observes the election is told; `led` only forwards. */
  | { readonly type: 'observed'; readonly election: string; readonly led: Led | null }
