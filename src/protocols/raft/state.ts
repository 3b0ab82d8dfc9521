/** What one peer knows. Plain data: `step` changes it in place, explorers copy it with `cloneRaft`. */
import { MandateError } from '../../errors.ts'
import type { Pulse, PulsePromise } from '../detector/pulse.ts'
import { voters } from '../quorum/majority.ts'
import type { PeerId } from '../quorum/types.ts'
import { assertSafeInteger } from './assert.ts'
import { lastIndex, recoverLog } from './log.ts'
import type { Log } from './log.ts'
import type { Entry, HardState, RaftMessage, RaftOptions } from './types.ts'

/** What a leader knows about one follower. */
export interface Progress {
  /** Durable there and equal to ours. */
  match: number
  /** The next entry to send. */
  next: number
  /** `probe`: one append at a time until the place is found where the logs agree. `replicate`: pipelined. */
  mode: 'probe' | 'replicate'
  /** The last index of every append that waits for its answer, oldest first; in probe mode at most one. */
  inflight: number[]
  /** Heartbeat timers that fired since it last accepted or refused an append, while some were out. */
  silentBeats: number
  /** Heartbeat timers that fired since it last answered anything. */
  unheardBeats: number
  /** The commit index it was told. */
  toldCommit: number
  /** The newest heartbeat round it answered. */
  round: number
  /** Answered since the last check of the quorum. */
  active: boolean
}

/** A read that waits for proof that nobody else led when it was asked (Dissertation §6.4). */
export interface PendingRead {
  readonly id: number
  readonly index: number
  readonly round: number
}

export interface Follower {
  readonly name: 'follower'
  leader: PeerId | null
}

export interface PreCandidate {
  readonly name: 'pre-candidate'
  readonly votes: Map<PeerId, boolean>
  /** How often it has asked since it became one. */
  readonly rounds: number
}

export interface Candidate {
  readonly name: 'candidate'
  readonly votes: Map<PeerId, boolean>
  /** The persist that makes our own vote durable; before that it does not count. */
  readonly voteSequence: number
}

export interface Leader {
  readonly name: 'leader'
  /** Every other voter, sorted by id. */
  readonly progress: Map<PeerId, Progress>
  /** The no-op that opened this leadership: nothing is known to be committed before it is (Raft §8). */
  readonly firstIndex: number
  round: number
  /**
   * The order told to everybody; who is not heard is not in it. It changes only with a round, which all get: if each message carried the order of its
   * moment, two followers could both believe to be first, and split the vote.
   */
  successors: readonly PeerId[]
  reads: PendingRead[]
}

export type RoleState = Follower | PreCandidate | Candidate | Leader

/** A persist on its way to the disk. */
export interface PendingWrite {
  readonly sequence: number
  /** Entries from here on are not durable yet. */
  firstIndex: number
}

type PreVote = Extract<RaftMessage<never>, { type: 'pre-vote' }>

export interface Raft<Data> {
  readonly options: RaftOptions
  readonly self: PeerId
  /** All voters but this one, sorted. */
  readonly others: readonly PeerId[]

  term: number
  votedFor: PeerId | null
  readonly log: Log<Data>
  commitIndex: number
  role: RoleState

  /** The newest persist effect, and the newest known to be durable. */
  sequence: number
  durableSequence: number
  /** The newest persist that held term and vote. */
  hardSequence: number
  pendingWrites: PendingWrite[]

  /**
   * A live leader was heard since the election timer was last reset or expired: votes are not given away
   * (Dissertation §4.2.3). True at start as well, for a restarted voter forgot whom it heard (as braft does).
   */
  heardLeader: boolean
  /**
   * The election timer of a follower that hears a leader runs in two parts: the minimum, which ends the stickiness, then
   * the random rest, which starts an election. So all voters may answer as soon as the first of them asks.
   */
  electionStage: 'minimum' | 'spread'
  /** Peers with death evidence against them. */
  readonly suspects: Set<PeerId>
  /** The order the present leader gave, best first. */
  successors: readonly PeerId[]
  successionArmed: boolean
  /** Pre-votes that came while we were sticky, one for each peer, answered when that ends. */
  readonly parked: Map<PeerId, PreVote>
  paceMs: number
  /** How this leader beats; null: as configured. */
  pulse: Pulse | null
  /** What the present leader promised in its newest heartbeat; null: nothing, or nobody leads. */
  promise: PulsePromise | null
  /** The newest round of the present leader whose promise, or lack of one, counts. */
  promiseRound: number
  /** What the driver measured itself: promises are not believed below it. */
  patienceMs: number
  /** A hand-over we began as leader; it outlives the step-down, to learn how it ended. */
  transfer: { readonly to: PeerId; asked: boolean } | null
}

export interface Recovered<Data> {
  readonly hardState: HardState
  readonly entries: readonly Entry<Data>[]
}

/**
 * A peer as it comes back from its disk; nothing happens before the input `start`.
 *
 * @throws INVALID_OPTIONS, NOT_A_PEER, DATA_CORRUPT
 */
export function createRaft<Data>(options: RaftOptions, recovered: Recovered<Data>): Raft<Data> {
  checkOptions(options)
  const { hardState, entries } = recovered
  assertSafeInteger('term', hardState.term)
  return {
    options,
    self: options.self,
    others: voters(options.configuration).filter((peer) => peer !== options.self),
    term: hardState.term,
    votedFor: hardState.votedFor,
    log: recoverLog(entries, hardState.term),
    commitIndex: 0,
    role: { name: 'follower', leader: null },
    sequence: 0,
    durableSequence: 0,
    hardSequence: 0,
    pendingWrites: [],
    heardLeader: true,
    electionStage: 'minimum',
    suspects: new Set(),
    successors: [],
    successionArmed: false,
    parked: new Map(),
    paceMs: 0,
    pulse: null,
    promise: null,
    promiseRound: 0,
    patienceMs: 0,
    transfer: null,
  }
}

/** An independent copy; entries and messages are immutable and shared. */
export function cloneRaft<Data>(raft: Raft<Data>): Raft<Data> {
  return {
    ...raft,
    log: { entries: raft.log.entries.slice() },
    role: cloneRole(raft.role),
    pendingWrites: raft.pendingWrites.map((write) => ({ ...write })),
    suspects: new Set(raft.suspects),
    parked: new Map(raft.parked),
    transfer: raft.transfer === null ? null : { ...raft.transfer },
  }
}

function cloneRole(role: RoleState): RoleState {
  switch (role.name) {
    case 'follower':
      return { ...role }
    case 'pre-candidate':
    case 'candidate':
      return { ...role, votes: new Map(role.votes) }
    case 'leader': {
      const progress = new Map<PeerId, Progress>()
      for (const [peer, one] of role.progress) progress.set(peer, { ...one, inflight: one.inflight.slice() })
      return { ...role, progress, reads: role.reads.slice() }
    }
    default:
      return role satisfies never
  }
}

export function leaderOf(raft: Raft<unknown>): PeerId | null {
  if (raft.role.name === 'leader') return raft.self
  return raft.role.name === 'follower' ? raft.role.leader : null
}

/** The interval of a leader's heartbeats. */
export function heartbeatIntervalMs(raft: Raft<unknown>): number {
  return raft.pulse?.intervalMs ?? raft.options.heartbeatMs
}

/**
 * How long a follower believes in a silent leader. Never longer than configured, never shorter than promised, measured or
 * allowed. Only this wait is tuned: what a leader asks of itself (check-quorum), hand-over and every further round of an
 * election keep to what is configured, and no lease depends on any of them.
 */
export function believesForMs(raft: Raft<unknown>): readonly [min: number, max: number] {
  const { electionTimeoutMs, leastSilenceMs } = raft.options
  const [min, max] = electionTimeoutMs
  if (raft.promise === null || leastSilenceMs === undefined) return electionTimeoutMs
  const tunedMs = Math.min(min, Math.max(leastSilenceMs, raft.promise.silenceMs, raft.patienceMs))
  return [tunedMs, (tunedMs * max) / min]
}

/** Whether votes are withheld because a leader is alive as far as this peer can tell (Dissertation §4.2.3, §6.2). */
export function isSticky(raft: Raft<unknown>): boolean {
  // A leader honours its own leadership: check-quorum ends it if the others no longer do.
  if (raft.role.name === 'leader') return true
  const leader = leaderOf(raft)
  return raft.heardLeader && !(leader !== null && raft.suspects.has(leader))
}

/** The last of our own entries that is known to be on our disk. */
export function durableIndex(raft: Raft<unknown>): number {
  let durable = lastIndex(raft.log)
  for (const write of raft.pendingWrites) durable = Math.min(durable, write.firstIndex - 1)
  return durable
}

function checkOptions(options: RaftOptions): void {
  const { self, configuration, heartbeatMs, electionTimeoutMs, rankStepMs } = options
  const all = voters(configuration)
  if (!all.includes(self)) {
    throw new MandateError(
      'NOT_A_PEER',
      `'${self}' is not among the voters ${all.map((peer) => `'${peer}'`).join(', ') || '(none)'}: add it, or start as one of them`,
      { id: self, peers: all },
    )
  }
  const [min, max] = electionTimeoutMs
  requireOption(heartbeatMs > 0, 'heartbeatMs', heartbeatMs, 'above 0')
  requireOption(
    min > heartbeatMs,
    'electionTimeoutMs',
    electionTimeoutMs,
    `a minimum above heartbeatMs (${heartbeatMs})`,
  )
  requireOption(max >= min, 'electionTimeoutMs', electionTimeoutMs, '[min, max] with min <= max')
  if (options.leastSilenceMs !== undefined) {
    const expected = `above heartbeatMs (${heartbeatMs}) and at most the shortest election timeout (${min})`
    const holds = options.leastSilenceMs > heartbeatMs && options.leastSilenceMs <= min
    requireOption(holds, 'leastSilenceMs', options.leastSilenceMs, expected)
  }
  requireOption(rankStepMs >= 0, 'rankStepMs', rankStepMs, '0 or more')
  for (const option of ['maxEntriesPerAppend', 'maxInflightAppends'] as const) {
    const value = options[option]
    requireOption(Number.isSafeInteger(value) && value >= 1, option, value, 'a whole number, at least 1')
  }
}

function requireOption(holds: boolean, option: string, value: unknown, expected: string): void {
  if (holds) return
  throw new MandateError(
    'INVALID_OPTIONS',
    `${option} is ${JSON.stringify(value)}, but must be ${expected}`,
    {
      option,
      value,
      expected,
    },
  )
}
