/**
 * How an engine without a log plugs in (Paxos, Bully). It is two pure cores: one in each session, which stands for
 * elections, and one in each peer, which answers sessions: it votes, accepts, supports, remembers. Sessions know all peers
 * and decide by majorities of their answers; peers need not speak to each other. The host (`engine-peer.ts`) runs the
 * core of one peer: it carries every session's requests to the cores it names, its own process's and its clients' alike,
 * and the answers back; it owns turns, disk, timers and connections, and knows nothing of elections.
 *
 * To plug in: write the peer's core as a `Core`, the shapes of what is said as an `EngineSpeech` (`engine-wire.ts` makes
 * the wire of it), and, in `backends/`, a session that speaks `AskMessage` over a `SponsorLink`.
 */
import type { PeerId } from '../../protocols/quorum/types.ts'
import type { SessionKey } from '../../protocols/support/types.ts'
import type { SessionHost } from '../../registry/types.ts'
import type { Shape } from '../codec-shape.ts'
import type { ElectionStatus, ErrorReply, PeerStatus } from '../messages.ts'
import type { DeskMessage, HolderAnswers, HolderAsked, OperatorAsks, OperatorTold } from '../operator-desk.ts'

export type EngineName = 'paxos' | 'bully' | 'bully-classic'

/** Where a session is: through which peer it speaks, and in which peer's process it lives. */
export interface SessionAddress {
  readonly session: SessionKey
  readonly via: PeerId
  /** Null: a client. */
  readonly host: SessionHost | null
}

export type CoreInput<Request> =
  | { readonly type: 'request'; readonly from: SessionAddress; readonly request: Request }
  /** Death evidence (DESIGN §4.2): the process of this peer is gone, in every incarnation up to this one. */
  | { readonly type: 'evidence'; readonly peer: PeerId; readonly incarnation: number }
  /** The instant asked for by the last `wake-at` has come, and what had arrived by then was read. */
  | { readonly type: 'wake' }

export type CoreEffect<Reply, Record, Request = never> =
  /** `after`: sent only once the persist effect of this number is durable. */
  | { readonly type: 'reply'; readonly to: SessionAddress; readonly reply: Reply; readonly after?: number }
  /** To the core of a peer, this one included, as from the session `coreSession`; of an engine whose peers speak themselves. */
  | { readonly type: 'ask'; readonly to: PeerId; readonly request: Request; readonly after?: number }
  /** Numbered upwards from 1. */
  | { readonly type: 'persist'; readonly sequence: number; readonly record: Record }
  /** One timer; a later effect replaces it, null cancels it. `at` by `clock.lower()`. */
  | { readonly type: 'wake-at'; readonly at: number | null }

/** Under which name the core of a peer asks. No session has it: theirs begin with a candidate id and a `~`. */
export function coreSession(peer: PeerId): SessionKey {
  return `@${peer}`
}

/** The peer whose core asks; null: it is a session. Only a peer's own process speaks for its core. */
export function askingCore({ session, via, host }: SessionAddress): PeerId | null {
  return session === coreSession(via) && host?.peer === via ? via : null
}

/** What a core starts with. */
export interface CoreStart<Record> {
  readonly self: PeerId
  readonly voters: readonly PeerId[]
  readonly incarnation: number
  /** `clock.lower()` */
  readonly startedAt: number
  /** What it wrote in earlier lives, oldest first. */
  readonly records: readonly Record[]
}

/** The engine at one peer. Effects come in order; `now` is `clock.lower()`. */
export interface Core<Request, Reply, Record> {
  step(input: CoreInput<Request>, now: number): readonly CoreEffect<Reply, Record, Request>[]
  /** What to write last: this life ends in order, and is stepped no more. Null: nothing. */
  stop?(now: number): Record | null
  /** For `status`; `election` null: all. */
  elections(election: string | null, now: number): readonly ElectionStatus[]
  /** For `status`: how many peers must answer. @default a majority */
  quorumSize?(peers: number): number
}

/** How an engine's words look as JSON. */
export interface EngineSpeech<Request, Reply, Record> {
  readonly engine: EngineName
  readonly request: Shape<Request>
  readonly reply: Shape<Reply>
  readonly record: Shape<Record>
  /** True for a request that a newer one of the same session makes worthless, as with keepalives. */
  isKeepalive(request: Request): boolean
}

/** Between peers. */
export type CarriedMessage<Request, Reply> =
  | {
      readonly kind: 'ask'
      readonly session: SessionKey
      readonly host: SessionHost | null
      readonly requests: readonly Request[]
    }
  | { readonly kind: 'answer'; readonly session: SessionKey; readonly replies: readonly Reply[] }
  | DeskMessage

/** From a session, or whoever asks for the status, to the peer it is attached to. */
export type AskMessage<Request> =
  | {
      readonly type: 'ask'
      readonly session: SessionKey
      /** Null: every peer. */
      readonly to: PeerId | null
      readonly requests: readonly Request[]
    }
  | { readonly type: 'status'; readonly id: number; readonly election: string | null }
  | OperatorAsks
  | HolderAnswers

/** And back. */
export type AnswerMessage<Reply> =
  | {
      readonly type: 'answer'
      readonly session: SessionKey
      readonly from: PeerId
      readonly replies: readonly Reply[]
    }
  | { readonly type: 'status'; readonly id: number; readonly status: PeerStatus }
  | HolderAsked
  | OperatorTold
  | { readonly type: 'error'; readonly error: ErrorReply }

/** In one message: with the largest metadata so many fit the frame of a client. */
export const carriedAtOnce = 64
