/**
 * Support: who may end whose lease (DESIGN §4.1, A1-A7). The holder side computes a deadline from acknowledgements;
 * the voter side promises not to withdraw before the session was silent for its lease, and withdraws durably.
 */
import type { PeerId } from '../quorum/types.ts'

/** Names one incarnation of one candidate id; never reused. */
export type SessionKey = string

/** How the two sides count one lease (rho and tick of DESIGN §2). */
export interface LeaseBounds {
  readonly maxClockDrift: number
  readonly tickMs: number
}

/** From the holder, through any peer, to every voter (A1, A7). */
export interface Keepalive {
  readonly type: 'keepalive'
  readonly session: SessionKey
  readonly epoch: number
  /** Grows by one with each keepalive of the session. */
  readonly sequence: number
  /**
   * The answer may wait for the next message to the peer that relays it, a heartbeat at most: the session holds nothing
   * that a late renewal could end. To the voter it is a keepalive like any other. @default false
   */
  readonly patient?: boolean
}

export interface KeepaliveAck {
  readonly type: 'keepalive-ack'
  readonly session: SessionKey
  readonly epoch: number
  readonly sequence: number
  readonly voter: PeerId
  readonly voterIncarnation: number
}

/** This voter will never again acknowledge the epoch: withdrawn, ended, or superseded by a newer session of that id. */
export interface KeepaliveRefusal {
  readonly type: 'keepalive-refusal'
  readonly session: SessionKey
  readonly epoch: number
  readonly voter: PeerId
  readonly reason: 'withdrawn' | 'closed' | 'superseded' | 'reopened'
}

/** From the arbiter of whatever term (A4). Parked by a voter that is not yet entitled to agree. */
export interface WithdrawRequest {
  readonly type: 'withdraw-request'
  readonly session: SessionKey
  readonly epoch: number
}

/** Sent only after the withdrawal is durable (A4). */
export interface WithdrawAnswer {
  readonly type: 'withdraw-answer'
  readonly session: SessionKey
  readonly epoch: number
  readonly voter: PeerId
}

export type SupportMessage = Keepalive | KeepaliveAck | KeepaliveRefusal | WithdrawRequest | WithdrawAnswer

/** The durable record of a withdrawal. */
export interface Withdrawal {
  readonly session: SessionKey
  readonly epoch: number
}

/** Inputs of the voter side. `now` is `clock.lower()`. */
export type VoterInput =
  /** `replyTo`: the peer (or this peer itself) that relays for the holder. */
  | { readonly type: 'keepalive'; readonly from: PeerId; readonly keepalive: Keepalive }
  | { readonly type: 'withdraw-request'; readonly from: PeerId; readonly request: WithdrawRequest }
  /**
   * The state machine applied Open or Reopen, in the order of the log. Epochs of all sessions come from one growing
   * sequence: the first of a session is the index of its Open, a Reopen adds one (`voter.ts`, "Why a voter may forget").
   */
  | {
      readonly type: 'opened'
      readonly session: SessionKey
      readonly epoch: number
      readonly leaseMs: number
    }
  /** The state machine learned that a newer session of that id exists: refuse it from now on. */
  | { readonly type: 'superseded'; readonly session: SessionKey }
  | { readonly type: 'closed'; readonly session: SessionKey }
  /** The instant asked for by the last `wake-at` has come. */
  | { readonly type: 'wake' }

/** Effects of the voter side, in order. */
export type VoterEffect =
  /** `after`: release only once persist effect number `after` is durable. */
  | {
      readonly type: 'send'
      readonly to: PeerId
      readonly message: KeepaliveAck | KeepaliveRefusal | WithdrawAnswer
      readonly after?: number
    }
  | { readonly type: 'persist'; readonly sequence: number; readonly withdrawal: Withdrawal }
  /** One timer for the whole room; a later effect replaces it, null cancels it. `at` by `clock.lower()`. */
  | { readonly type: 'wake-at'; readonly at: number | null }
