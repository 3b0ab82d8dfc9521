/**
 * The classic bully (Garcia-Molina 1982) without a quorum, as a function of messages: `step(classic, input, now)` changes the
 * state and returns effects, in order. One leader in each partition; after a heal the lower one stops before anybody hears of
 * the merge. Nobody votes, so nothing here excludes a second leader elsewhere. `docs/bully.md` tells the protocol.
 */
import type { PeerId } from '../../quorum/types.ts'
import type { LeaseBounds, SessionKey } from '../../support/types.ts'
import type { Metadata } from '../types.ts'

export interface ClassicOptions {
  readonly self: PeerId
  /** All, this one included; the place of a peer in their order is its slot. */
  readonly peers: readonly PeerId[]
  /** Of this start of the peer: grows with each. */
  readonly incarnation: number
  readonly heartbeatMs: number
  /** Between two ranks that wait for the same vacancy. */
  readonly rankStepMs: number
  /** A peer that leads by this lease is let go after such a silence. */
  readonly leaseMs: number
  readonly bounds: LeaseBounds
}

/** One candidate of one election. */
export interface Stand {
  readonly session: SessionKey
  readonly id: string
  readonly priority: number
  readonly leaseMs: number
  readonly metadata: Metadata
}

/** What a leader says of itself. (epoch, slot) is given to one leadership only. */
export interface Reign {
  /** Above every epoch that its peer had heard of; rises when partitions heal. */
  readonly epoch: number
  readonly slot: number
  /** Grows with each proclamation. */
  readonly version: number
  readonly stand: Stand
}

/**
 * On every message, so that each proves how fresh it is: a COORDINATOR that comes late carries an old echo, and is not believed.
 * Instants are by the `lower()` of whoever noted them.
 */
export interface Stamp {
  readonly incarnation: number
  readonly at: number
  /** Of what the sender leads: who knows an older one may believe in a reign that is over. */
  readonly revision: number
  /** The newest instant that was heard from whoever this goes to. */
  readonly echo: { readonly incarnation: number; readonly at: number } | null
}

export type ClassicBody =
  /** Is this candidate id in use? */
  | { readonly type: 'claim'; readonly session: SessionKey; readonly id: string }
  | { readonly type: 'claimed'; readonly session: SessionKey; readonly isFree: boolean }
  /** ELECTION: I stand. Round 0 is an announcement, which nobody but a leader answers. */
  | { readonly type: 'election'; readonly election: string; readonly round: number; readonly stand: Stand }
  /** OK. `isBetter`: leave it to me. */
  | {
      readonly type: 'answer'
      readonly election: string
      readonly round: number
      readonly highest: number
      readonly isBetter: boolean
    }
  /** COORDINATOR, or its end. `isChange`: the one of that number to what this peer leads; else told again to one that asked. */
  | {
      readonly type: 'reign'
      readonly revision: number
      readonly isChange: boolean
      readonly election: string
      readonly reign: Reign | null
      /** The candidate that it is handed over to. */
      readonly heir: string | null
    }
  /** All that this peer leads, in parts. */
  | {
      readonly type: 'reigns'
      readonly revision: number
      readonly total: number
      readonly list: readonly { readonly election: string; readonly reign: Reign }[]
    }
  /** Once a heartbeat of whoever leads anything. */
  | { readonly type: 'beat'; readonly revision: number }
  /** To a beat or a reign of revision `of`: the changes up to `known` were heard. */
  | { readonly type: 'heard'; readonly of: number; readonly known: number }
  | { readonly type: 'left'; readonly election: string; readonly session: SessionKey }

export interface ClassicMessage {
  readonly stamp: Stamp
  readonly body: ClassicBody
}

export type ClassicInput =
  | { readonly type: 'message'; readonly from: PeerId; readonly message: ClassicMessage }
  /** All persist effects up to `sequence` are durable. */
  | { readonly type: 'persisted'; readonly sequence: number }
  /** The instant asked for by the last `wake-at` has come, and one poll phase has passed. */
  | { readonly type: 'wake' }
  /** Death evidence about the process of a peer. */
  | { readonly type: 'evidence'; readonly peer: PeerId }
  /** Of sessions of this process. */
  | { readonly type: 'open'; readonly session: SessionKey; readonly id: string; readonly leaseMs: number }
  | { readonly type: 'keepalive'; readonly session: SessionKey }
  /** After everything that it held was given up. */
  | { readonly type: 'close'; readonly session: SessionKey }
  /** Said by somebody who knows that its holder is dead. */
  | { readonly type: 'ended'; readonly session: SessionKey }
  | {
      readonly type: 'campaign'
      readonly election: string
      readonly session: SessionKey
      readonly priority: number
      readonly metadata: Metadata
      /** Tells this candidacy, or this request, from others of the session. */
      readonly tag: number
    }
  /** Cancels, or releases, or confirms that it stopped when it was superseded. `heir`: a candidate id. */
  | {
      readonly type: 'leave'
      readonly election: string
      readonly session: SessionKey
      readonly heir: string | null
      readonly tag: number
    }
  | {
      readonly type: 'proclaim'
      readonly election: string
      readonly session: SessionKey
      readonly metadata: Metadata
      readonly tag: number
    }

/** The highest epoch that this peer took for itself: no later life of it takes that again. */
export interface ClassicRecord {
  readonly election: string
  readonly epoch: number
}

export type ClassicNews =
  | { readonly type: 'opened' }
  /** Another live session has its candidate id. */
  | { readonly type: 'duplicate' }
  /** It was silent for its lease: nothing that it led is led any more. */
  | { readonly type: 'over' }
  | { readonly type: 'granted'; readonly election: string; readonly epoch: number; readonly tag: number }
  /** The same leadership has a higher epoch: partitions healed, and the other leader has stopped. */
  | { readonly type: 'risen'; readonly election: string; readonly epoch: number }
  /** A better leader was met: stop, then `leave`. Until then nobody is told of the merge. */
  | { readonly type: 'superseded'; readonly election: string; readonly epoch: number }
  | { readonly type: 'waiting'; readonly election: string; readonly ahead: number }
  /** Whoever is linked knows of the end, or of the metadata, that was asked for. */
  | { readonly type: 'known'; readonly election: string; readonly tag: number }
  | { readonly type: 'not-holder'; readonly election: string; readonly tag: number }

export type ClassicEffect =
  | { readonly type: 'send'; readonly to: PeerId; readonly message: ClassicMessage }
  | { readonly type: 'persist'; readonly sequence: number; readonly records: readonly ClassicRecord[] }
  /** One timer; a later effect replaces it, null cancels it. `at` by `clock.lower()`. */
  | { readonly type: 'wake-at'; readonly at: number | null }
  | { readonly type: 'tell'; readonly session: SessionKey; readonly news: ClassicNews }
  /** Whom this peer follows has changed. */
  | { readonly type: 'observed'; readonly election: string; readonly reign: Reign | null }
