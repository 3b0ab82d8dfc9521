/** When an election begins: the timer, death evidence with its order of succession, or the leader's own wish. */
import { voteResult } from '../quorum/majority.ts'
import type { PeerId } from '../quorum/types.ts'
import { armTimer } from './outbox.ts'
import type { Outbox } from './outbox.ts'
import { resumeFollower } from './replication.ts'
import {
  armCheckQuorum,
  armElectionTimer,
  becomeCandidate,
  becomeFollower,
  becomePreCandidate,
  cancelSuccession,
  hearLeader,
} from './roles.ts'
import { believesForMs, leaderOf } from './state.ts'
import type { Leader, Raft } from './state.ts'
import { answerParked } from './voting.ts'

export function onStart<Data>(raft: Raft<Data>, out: Outbox<Data>): void {
  // A single voter needs nobody's consent (etcd TestSingleNodeCandidate).
  if (raft.others.length === 0) becomeCandidate(raft, out, 'election')
  else hearLeader(raft, out)
}

export function onElectionTimer<Data>(raft: Raft<Data>, out: Outbox<Data>): void {
  switch (raft.role.name) {
    case 'follower':
      if (raft.electionStage === 'minimum') endOfStickiness(raft, out)
      else becomePreCandidate(raft, out)
      return
    case 'pre-candidate':
      becomePreCandidate(raft, out)
      return
    case 'candidate':
      // As long as our own vote is not durable nobody was asked: another term would wait for the same disk.
      if (raft.durableSequence < raft.role.voteSequence) armElectionTimer(raft, out)
      else becomePreCandidate(raft, out)
      return
    case 'leader':
      checkQuorum(raft, out, raft.role)
      return
    default:
      raft.role satisfies never
  }
}

/**
 * The minimum timeout passed in silence: we vote for others from now on, and stand ourselves within the random rest. That
 * rest is divided by the leader's order of succession, a part for each, so that two seldom stand at once and the first
 * does soon. Without an order everybody draws from the whole rest (Raft §5.2).
 */
function endOfStickiness<Data>(raft: Raft<Data>, out: Outbox<Data>): void {
  const [min, max] = believesForMs(raft)
  raft.heardLeader = false
  raft.electionStage = 'spread'
  const named = raft.successors.filter((peer) => !raft.suspects.has(peer))
  const rank = named.indexOf(raft.self)
  if (rank === -1) {
    armTimer(out, 'election', 0, max - min)
    return
  }
  const partMs = (max - min) / named.length
  armTimer(out, 'election', rank * partMs, (rank + 1) * partMs)
}

/** A leader that no majority answers must not go on believing (Dissertation §6.2). */
function checkQuorum<Data>(raft: Raft<Data>, out: Outbox<Data>, leader: Leader): void {
  const answered = new Map<PeerId, boolean>([[raft.self, true]])
  for (const [peer, progress] of leader.progress) {
    answered.set(peer, progress.active)
    progress.active = false
  }
  if (voteResult(raft.options.configuration, answered) === 'won') armCheckQuorum(raft, out)
  else becomeFollower(raft, out, raft.term, null)
}

/** Evidence about the leader starts the succession; about anybody else it is only noted (DESIGN §4.2). */
export function onEvidence<Data>(raft: Raft<Data>, out: Outbox<Data>, peer: PeerId): void {
  if (!raft.others.includes(peer) || raft.suspects.has(peer)) return
  raft.suspects.add(peer)
  if (raft.role.name !== 'follower' || raft.role.leader !== peer) return
  // Answer as a voter before asking as a candidate: what is parked may be the better successor's request.
  answerParked(raft, out)
  const rank = rankOf(raft, peer)
  if (rank === 0) {
    becomePreCandidate(raft, out)
    return
  }
  const waitMs = rank * Math.max(raft.options.rankStepMs, 3 * raft.paceMs)
  raft.successionArmed = true
  armTimer(out, 'succession', waitMs, waitMs)
}

/** How many live peers come before us, by the leader's own order; without one, by id. */
function rankOf(raft: Raft<unknown>, leader: PeerId): number {
  const order =
    raft.successors.length > 0
      ? raft.successors
      : [...raft.others, raft.self]
          .filter((peer) => peer !== leader)
          .toSorted((left, right) => (left < right ? -1 : 1))
  const alive = order.filter((peer) => !raft.suspects.has(peer))
  const rank = alive.indexOf(raft.self)
  return rank === -1 ? alive.length : rank
}

export function onSuccessionTimer<Data>(raft: Raft<Data>, out: Outbox<Data>): void {
  if (!raft.successionArmed) return
  raft.successionArmed = false
  const leader = leaderOf(raft)
  if (raft.role.name === 'follower' && leader !== null && raft.suspects.has(leader))
    becomePreCandidate(raft, out)
}

/** The suspicion was wrong, or is over: stickiness returns by itself, if the timer did not end it meanwhile. */
export function onContact<Data>(raft: Raft<Data>, out: Outbox<Data>, peer: PeerId): void {
  if (!raft.suspects.delete(peer)) return
  if (leaderOf(raft) === peer) cancelSuccession(raft, out)
  if (raft.role.name === 'leader') resumeFollower(raft, out, raft.role, peer)
}

/** The leader asks us to take over at once: no pre-vote, and no voter's stickiness (Dissertation §3.10). */
export function onTimeoutNow<Data>(raft: Raft<Data>, out: Outbox<Data>, from: PeerId): void {
  if (leaderOf(raft) === from) becomeCandidate(raft, out, 'transfer')
}
