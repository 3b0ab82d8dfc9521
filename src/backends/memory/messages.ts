/**
 * What travels between a session and the arbiter in memory. Both directions are numbered streams that are repeated
 * until the other side says it has them, so a message that is lost is made good by the next exchange.
 */
import type { Exclusivity, LeaderRecord, LossReason, Metadata } from '../backend.ts'
import type { MandateError } from '../../errors.ts'

/** A candidacy is named by the number of the request that began it. */
export type CandidacyNumber = number

export type MemoryRequest =
  | {
      readonly type: 'campaign'
      readonly number: number
      readonly election: string
      readonly exclusivity: Exclusivity
      readonly priority: number
      readonly metadata: Metadata
    }
  | { readonly type: 'leave'; readonly number: number; readonly candidacy: CandidacyNumber }
  | {
      readonly type: 'transfer'
      readonly number: number
      readonly candidacy: CandidacyNumber
      readonly to: string
    }
  | {
      readonly type: 'proclaim'
      readonly number: number
      readonly candidacy: CandidacyNumber
      readonly metadata: Metadata
    }

export type Answer = 'left' | 'was-not-holder' | 'done' | 'refused'

export type MemoryNotice =
  | { readonly type: 'answer'; readonly number: number; readonly request: number; readonly is: Answer }
  | {
      readonly type: 'waiting'
      readonly number: number
      readonly candidacy: CandidacyNumber
      readonly ahead: number
    }
  | {
      readonly type: 'granted'
      readonly number: number
      readonly candidacy: CandidacyNumber
      readonly token: bigint
    }
  | {
      readonly type: 'freed'
      readonly number: number
      readonly candidacy: CandidacyNumber
      readonly reason: LossReason
    }
  | {
      readonly type: 'refused'
      readonly number: number
      readonly candidacy: CandidacyNumber
      readonly cause: MandateError
    }
  | {
      readonly type: 'asked'
      readonly number: number
      readonly candidacy: CandidacyNumber
      readonly to: string | null
    }
  /** The arbiter took the session away while its holder lives. */
  | { readonly type: 'condemned'; readonly number: number }

/** Every exchange is a keepalive. */
export interface Exchange {
  readonly session: string
  /** Grows with each exchange; the answer echoes it, which makes it a renewal from the instant of sending. */
  readonly sequence: number
  /** The last notice that arrived. */
  readonly seen: number
  readonly requests: readonly MemoryRequest[]
}

export interface ExchangeReply {
  /** Of the exchange that is answered; null for a push. */
  readonly sequence: number | null
  /** The last request that was applied. */
  readonly applied: number
  readonly notices: readonly MemoryNotice[]
}

export interface OpenMessage {
  readonly session: string
  readonly id: string
  readonly leaseMs: number
}

export type ObservedState = { readonly is: 'led'; readonly leader: LeaderRecord } | { readonly is: 'vacant' }

export interface ObservedStates {
  /** Grows with every change at the arbiter: an older report never overtakes a newer one. */
  readonly revision: number
  readonly states: ReadonlyMap<string, ObservedState>
}
