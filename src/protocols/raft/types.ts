/**
 * Raft as a function of messages: `step(state, input)` changes the state and returns effects, in order. No clock, no
 * chance, no disk, no network. The duties of whoever drives it are listed in `README` order at `Effect`.
 */
import type { Pulse, PulsePromise } from '../detector/pulse.ts'
import type { Configuration, PeerId } from '../quorum/types.ts'

/** `data` is opaque to Raft; null is the no-op that a new leader appends (Raft §8). Index and term are safe integers. */
export interface Entry<Data> {
  readonly index: number
  readonly term: number
  readonly data: Data | null
}

/** Term and vote, always written as one record (Raft Figure 2, "persistent state"). */
export interface HardState {
  readonly term: number
  readonly votedFor: PeerId | null
}

export interface RaftOptions {
  readonly self: PeerId
  readonly configuration: Configuration
  readonly heartbeatMs: number
  /** Drawn anew at each reset, by the driver. */
  readonly electionTimeoutMs: readonly [min: number, max: number]
  /**
   * A follower believes its leader's promises down to this silence, and so may find it suspicious before the shortest
   * election timeout. Absent: it believes none.
   */
  readonly leastSilenceMs?: number | undefined
  /** Step between two ranks of the successor order, at least (DESIGN §4.2). @default 10 */
  readonly rankStepMs: number
  /** Bounds of one append message. */
  readonly maxEntriesPerAppend: number
  /** Appends in flight to one follower before the leader waits. */
  readonly maxInflightAppends: number
}

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader'

export type RaftMessage<Data> =
  /** `term` is the term that would be campaigned for; asking raises nobody's term (Dissertation §9.6). */
  | {
      readonly type: 'pre-vote'
      readonly term: number
      readonly lastIndex: number
      readonly lastTerm: number
    }
  /** `term`: granted, the requested term; else the voter's own. */
  | { readonly type: 'pre-vote-reply'; readonly term: number; readonly granted: boolean }
  /** `transfer`: asked by the leader itself (TimeoutNow), so stickiness does not apply (Dissertation §4.2.3). */
  | {
      readonly type: 'vote'
      readonly term: number
      readonly lastIndex: number
      readonly lastTerm: number
      readonly transfer: boolean
    }
  | { readonly type: 'vote-reply'; readonly term: number; readonly granted: boolean }
  | {
      readonly type: 'append'
      readonly term: number
      readonly previousIndex: number
      readonly previousTerm: number
      readonly entries: readonly Entry<Data>[]
      readonly commit: number
    }
  | {
      readonly type: 'append-reply'
      readonly term: number
      /** Accepted: all up to here is durable and matches the leader. Refused: probe at or before `matchIndex` + 1. */
      readonly accepted: boolean
      readonly matchIndex: number
    }
  /** `round` grows with each broadcast; its echo proves who heard the leader when (check-quorum, ReadIndex). */
  | {
      readonly type: 'heartbeat'
      readonly term: number
      readonly commit: number
      readonly round: number
      /**
       * Best first: who campaigns at once on death evidence, who a step later (DESIGN §4.2). Who is not heard is not named,
       * so that a peer that only hears can tell.
       */
      readonly successors: readonly PeerId[]
      /** How soon the next one comes, and when to suspect its sender. Absent: as configured. */
      readonly pulse?: PulsePromise
    }
  | {
      readonly type: 'heartbeat-reply'
      readonly term: number
      /** 0 in answer to an older term. */
      readonly round: number
      readonly lastIndex: number
    }
  | { readonly type: 'timeout-now'; readonly term: number }

export type RaftTimer =
  /** Follower, candidate: start an election. Leader: check-quorum. */
  | 'election'
  /** Leader: broadcast a heartbeat. */
  | 'heartbeat'
  /** After death evidence: the wait of this peer's rank. */
  | 'succession'
  /** Leader: give up a transfer that does not end. */
  | 'transfer'

export type RaftInput<Data> =
  /** Once, after recovery. */
  | { readonly type: 'start' }
  | { readonly type: 'timer'; readonly timer: RaftTimer }
  | { readonly type: 'message'; readonly from: PeerId; readonly message: RaftMessage<Data> }
  /** All persist effects up to `sequence` are durable. */
  | { readonly type: 'persisted'; readonly sequence: number }
  | { readonly type: 'propose'; readonly data: readonly Data[] }
  /** Death evidence about a peer; never proof, so it may start an election and nothing else. */
  | { readonly type: 'evidence'; readonly peer: PeerId }
  /** The peer was heard from or connected again: the evidence no longer holds. */
  | { readonly type: 'contact'; readonly peer: PeerId }
  /** Linearizable read: answered by `read-ready` once a quorum confirmed this leader (Dissertation §6.4). */
  | { readonly type: 'read'; readonly id: number }
  /** Leader: hand over to `to`, or to the best successor. */
  | { readonly type: 'transfer'; readonly to: PeerId | null }
  /** The round trip plus fsync measured by the driver, for the successor step: 3 x this, at least `rankStepMs`. */
  | { readonly type: 'pace'; readonly roundTripMs: number }
  /** Leader: from its next heartbeat on it beats like this. */
  | { readonly type: 'pulse'; readonly pulse: Pulse }
  /** Follower: whatever its leader promises, no silence below this is suspicious. From the next heartbeat on. */
  | { readonly type: 'patience'; readonly leastMs: number }

/**
 * Effects, to be carried out in order. Duties of the driver:
 * 1. `persist` goes to the log at once; when it and all before it are durable, feed `persisted`.
 * 2. A `send` with `after` leaves only once persist number `after` is durable; one without leaves at once.
 * 3. `arm-timer` replaces the timer of that name; the driver draws the delay from the range. A timer that would accuse
 *    somebody (`election`, `succession`) fires only after one poll phase.
 * 4. `commit` entries are applied in order, each once.
 */
export type RaftEffect<Data> =
  | {
      readonly type: 'send'
      readonly to: PeerId
      readonly message: RaftMessage<Data>
      readonly after?: number
    }
  /** Entries overwrite everything at and behind their first index. */
  | {
      readonly type: 'persist'
      readonly sequence: number
      readonly hardState?: HardState
      readonly entries?: readonly Entry<Data>[]
    }
  | { readonly type: 'arm-timer'; readonly timer: RaftTimer; readonly minMs: number; readonly maxMs: number }
  | { readonly type: 'cancel-timer'; readonly timer: RaftTimer }
  | { readonly type: 'commit'; readonly entries: readonly Entry<Data>[] }
  /** The entries just proposed took these places; they may still be lost with the leadership. */
  | { readonly type: 'appended'; readonly entries: readonly Entry<Data>[] }
  | { readonly type: 'proposal-refused'; readonly data: readonly Data[]; readonly leader: PeerId | null }
  /** On every change of role, term or known leader. */
  | { readonly type: 'became'; readonly role: Role; readonly term: number; readonly leader: PeerId | null }
  | { readonly type: 'read-ready'; readonly id: number; readonly index: number }
  | { readonly type: 'read-failed'; readonly id: number }
  | { readonly type: 'transfer-ended'; readonly outcome: 'done' | 'failed' }
