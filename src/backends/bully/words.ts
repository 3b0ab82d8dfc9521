/** What sessions and peers of a bully cluster say to each other. */
import type { BullyMessage, BullyRecord, Exclusivity, Metadata } from '../../protocols/bully/types.ts'
import type { KeepaliveAck, KeepaliveRefusal, SessionKey } from '../../protocols/support/types.ts'

/**
 * Of a session to the peer of its own process, of a core to another (`peer`), and of observers to everybody. The classic bully
 * has other messages between peers, and the rest in common.
 */
export type BullyRequest<Message = BullyMessage> =
  | { readonly type: 'peer'; readonly message: Message }
  /** Of a core to itself, gated by that very write. */
  | { readonly type: 'persisted'; readonly sequence: number }
  | { readonly type: 'open'; readonly epoch: number; readonly id: string; readonly leaseMs: number }
  | { readonly type: 'keepalive'; readonly epoch: number; readonly sequence: number }
  | { readonly type: 'close' }
  | {
      readonly type: 'campaign'
      readonly election: string
      readonly exclusivity: Exclusivity
      readonly priority: number
      readonly metadata: Metadata
      readonly tag: number
    }
  | {
      readonly type: 'leave'
      readonly election: string
      readonly heir: string | null
      readonly tag: number
    }
  | {
      readonly type: 'proclaim'
      readonly election: string
      readonly metadata: Metadata
      readonly tag: number
    }
  /** Does this candidate stand? */
  | { readonly type: 'seek'; readonly election: string; readonly to: string; readonly tag: number }
  | { readonly type: 'watch'; readonly election: string }
  | { readonly type: 'unwatch'; readonly election: string }
  /** Its holder is surely dead. */
  | { readonly type: 'release'; readonly session: SessionKey }

/** Of a session, to a peer of whichever kind. */
export type SessionRequest = BullyRequest<never>

export interface BullyState {
  readonly type: 'state'
  readonly election: string
  /** The newest epoch that this peer knows to be won; 0: none. */
  readonly epoch: number
  readonly version: number
  readonly leader: { readonly id: string; readonly metadata: Metadata } | null
  /** It was released, or this peer has heard nothing of it for its lease. */
  readonly isOver: boolean
}

export type BullyReply =
  | { readonly type: 'opened'; readonly epoch: number }
  | { readonly type: 'duplicate' }
  | { readonly type: 'over' }
  | { readonly type: 'ack'; readonly ack: Omit<KeepaliveAck, 'type' | 'session'> }
  | { readonly type: 'refusal'; readonly refusal: Omit<KeepaliveRefusal, 'type' | 'session'> }
  | {
      readonly type: 'granted'
      readonly election: string
      readonly epoch: number
      readonly tag: number
    }
  | { readonly type: 'waiting'; readonly election: string; readonly ahead: number }
  | { readonly type: 'refused'; readonly election: string }
  | { readonly type: 'superseded'; readonly election: string; readonly epoch: number }
  /** Classic: the same leadership has a higher one now. */
  | { readonly type: 'risen'; readonly election: string; readonly epoch: number }
  | { readonly type: 'known'; readonly election: string; readonly tag: number }
  | { readonly type: 'not-holder'; readonly election: string; readonly tag: number }
  | {
      readonly type: 'sought'
      readonly election: string
      readonly tag: number
      readonly stands: boolean
    }
  | { readonly type: 'closed'; readonly known: boolean }
  | BullyState

/** All that one write makes durable. */
export interface BullyWrite {
  readonly records: readonly BullyRecord[]
}
