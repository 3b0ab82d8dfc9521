/**
 * What a simulated run is judged by: everything that happened, in one order, on the true time that no process can
 * read. Written by the world, read by the checkers in `invariants/`.
 */
import type { Exclusivity, LossReason } from '../backends/backend.ts'
import type { LogRecord, PeerMessage, ObservedState } from '../cluster/messages.ts'
import type { BullyReply, BullyRequest } from '../backends/bully/words.ts'
import type { CarriedMessage, SessionAddress } from '../cluster/engine/engine.ts'
import type { PaxosReply, PaxosRequest } from '../protocols/paxos/types.ts'
import type { Entry } from '../protocols/raft/types.ts'

/** What the core of a peer is asked, and answers, in an engine without a log. */
export type EngineRequest = PaxosRequest | BullyRequest
export type EngineReply = PaxosReply | BullyReply

/** Between peers of any engine. */
export type AnyPeerMessage = PeerMessage | CarriedMessage<EngineRequest, EngineReply>

/** One process between its start and its end; `run` grows with each start of the same process. */
export interface ProcessRun {
  readonly process: string
  readonly run: number
}

/** What the application sees: calls of the public API, and what came back. */
export type ApiEvent =
  | {
      readonly type: 'campaign'
      /** Unique in the history; every later event of this campaign and its leadership carries it. */
      readonly attempt: number
      readonly candidate: string
      readonly election: string
      readonly exclusivity: Exclusivity
    }
  /** `campaign()` resolved, or `work` was entered; `valid` is `isValid()` at that instant. */
  | { readonly type: 'elected'; readonly attempt: number; readonly token: bigint; readonly valid: boolean }
  /** `campaign()` rejected with this code. */
  | { readonly type: 'not-elected'; readonly attempt: number; readonly code: string }
  | { readonly type: 'cancel'; readonly attempt: number }
  /** The signal of the leadership aborted; `valid` is `isValid()` seen by its listener. */
  | { readonly type: 'aborted'; readonly attempt: number; readonly valid: boolean }
  /** `lost` resolved; `aborted` is whether the signal had aborted by then. */
  | {
      readonly type: 'lost'
      readonly attempt: number
      readonly reason: LossReason
      readonly aborted: boolean
    }
  /** A check by the application. */
  | { readonly type: 'checked'; readonly attempt: number; readonly valid: boolean }
  /** A write to a resource that checks tokens. */
  | { readonly type: 'wrote'; readonly attempt: number; readonly token: bigint; readonly accepted: boolean }
  | { readonly type: 'resign' | 'transfer' | 'proclaim'; readonly attempt: number }
  | {
      readonly type: 'resigned' | 'transferred' | 'proclaimed'
      readonly attempt: number
      /** The outcome, or the error's code. */
      readonly outcome: string
    }
  /** Of the whole backend. */
  | { readonly type: 'close' | 'closed'; readonly candidate: string }
  /** Of one `Election`; unique in the history. */
  | { readonly type: 'close-election' | 'election-closed'; readonly election: number }
  | {
      readonly type: 'observed'
      readonly observer: number
      readonly election: string
      readonly state: ObservedState
    }
  /** The application looks no more, or its process told it that there is nothing to see any more. */
  | { readonly type: 'unobserved'; readonly observer: number }

/** What one peer does, seen at its seams. */
export type PeerEvent =
  | { readonly type: 'sent'; readonly to: string; readonly message: AnyPeerMessage }
  | { readonly type: 'received'; readonly from: string; readonly message: AnyPeerMessage }
  /** The core of this peer, in an engine without a log: also by who is in its own process. */
  | { readonly type: 'asked'; readonly from: SessionAddress; readonly request: EngineRequest }
  | { readonly type: 'answers'; readonly to: SessionAddress; readonly reply: EngineReply }
  | { readonly type: 'asks'; readonly to: string; readonly request: EngineRequest }
  /** Handed to the disk; not durable yet. Batches of one run are numbered from 1. */
  | { readonly type: 'appended'; readonly batch: number; readonly records: readonly LogRecord[] }
  /** This batch and all before it are durable, and the peer was told. */
  | { readonly type: 'durable'; readonly batch: number }
  /** What a start read from the disk. */
  | { readonly type: 'recovered'; readonly incarnation: number; readonly records: readonly LogRecord[] }
  /** The folder was refused at the start (DATA_CORRUPT and such). */
  | { readonly type: 'refused'; readonly code: string }
  /** Entries whose commitment the peer learned, in order, before they were applied. */
  | { readonly type: 'committed'; readonly entries: readonly Entry<unknown>[] }
  | { readonly type: 'led'; readonly term: number }
  /** It leads no more. `term`: the one it is in now; that which it led, if it gave up of itself. */
  | { readonly type: 'stepped-down'; readonly term: number }
  /** Its host refused a connection: that peer is most likely dead. */
  | { readonly type: 'evidence'; readonly against: string }

/** What was done to a process, or happened in it that must never happen. */
export type ProcessEvent =
  | { readonly type: 'started' | 'crashed' | 'stopped' }
  /** `bit flipped` and `older folder restored` are done to its disk; `goes on`: it stood in the middle of an event. */
  | { readonly type: 'fault'; readonly fault: string }
  | { readonly type: 'failed'; readonly during: string; readonly error: unknown }
  | { readonly type: 'unhandled-rejection'; readonly error: unknown }

/** Of the whole world, told under the process name ''. */
export type WorldEvent =
  /** From now on the processes in `core` and the links between them are whole; the rest stays as it is for ever. */
  | { readonly type: 'healed'; readonly core: readonly string[]; readonly forEver: boolean }
  | { readonly type: 'ended' }

export type HistoryEvent = {
  /** True time, ms. */
  readonly at: number
  readonly sequence: number
} & ProcessRun &
  (ApiEvent | PeerEvent | ProcessEvent | WorldEvent)
