/** Giving votes and counting them (Raft §5.2, §5.4.1; pre-votes: Dissertation §9.6). */
import { voteResult } from '../quorum/majority.ts'
import type { PeerId } from '../quorum/types.ts'
import { isUpToDate, lastIndex, lastTerm } from './log.ts'
import { persistHardState, send, sendUnbound } from './outbox.ts'
import type { Outbox } from './outbox.ts'
import {
  armElectionTimer,
  askPreVote,
  becomeCandidate,
  becomeFollower,
  becomeLeader,
  cancelSuccession,
} from './roles.ts'
import { isSticky, leaderOf } from './state.ts'
import type { PreCandidate, Raft } from './state.ts'
import type { RaftMessage } from './types.ts'

type Message<Type extends RaftMessage<never>['type']> = Extract<RaftMessage<never>, { type: Type }>

/** A pre-vote of our term or above. While sticky it is parked: no answer now, the right one when we know more. */
export function onPreVote<Data>(
  raft: Raft<Data>,
  out: Outbox<Data>,
  from: PeerId,
  request: Message<'pre-vote'>,
): void {
  // A leader that asks for votes leads no more; its old requests name older terms.
  if (leaderOf(raft) === from && request.term > raft.term) becomeFollower(raft, out, raft.term, null)
  if (isSticky(raft)) {
    raft.parked.set(from, request)
    return
  }
  const granted = answerPreVote(raft, out, from, request)
  if (granted && raft.role.name === 'pre-candidate') settleRivalry(raft, out, from, request, raft.role)
}

/**
 * Of two pre-candidates the one with the worse log, or else the higher id, withdraws until its next timeout: otherwise
 * both would win their pre-votes, stand in the same term and split it.
 */
function settleRivalry<Data>(
  raft: Raft<Data>,
  out: Outbox<Data>,
  rival: PeerId,
  request: Message<'pre-vote'>,
  role: PreCandidate,
): void {
  if (outranks(raft, rival, request)) becomeFollower(raft, out, raft.term, null)
  // It may have heard our question before it became a rival, so ask again; but only in our first round, for if we
  // could not win then, somebody in a better place must be able to.
  else if (role.rounds === 1) askPreVote(raft, out, rival)
}

/** Answers what was parked, as soon as this peer is not sticky any more. */
export function answerParked<Data>(raft: Raft<Data>, out: Outbox<Data>): void {
  if (raft.parked.size === 0 || isSticky(raft)) return
  // A parked request may be old, its sender long content: answering it costs a message, withdrawing for it an election.
  for (const [peer, request] of raft.parked) answerPreVote(raft, out, peer, request)
  raft.parked.clear()
}

/** A grant promises nothing and changes nothing here; a refusal carries our term, so that a late-comer catches up. */
function answerPreVote<Data>(
  raft: Raft<Data>,
  out: Outbox<Data>,
  to: PeerId,
  request: Message<'pre-vote'>,
): boolean {
  const granted =
    (request.term > raft.term || (request.term === raft.term && hasVoteFor(raft, to))) &&
    isUpToDate(raft.log, request.lastIndex, request.lastTerm)
  sendUnbound(out, to, { type: 'pre-vote-reply', term: granted ? request.term : raft.term, granted })
  return granted
}

function outranks(raft: Raft<unknown>, peer: PeerId, request: Message<'pre-vote'>): boolean {
  const sameLog = request.lastTerm === lastTerm(raft.log) && request.lastIndex === lastIndex(raft.log)
  return !sameLog || peer < raft.self
}

/** A vote request of our own term; a higher one has already made us a follower of that term. */
export function onVote<Data>(
  raft: Raft<Data>,
  out: Outbox<Data>,
  from: PeerId,
  request: Message<'vote'>,
): void {
  const granted =
    hasVoteFor(raft, from) &&
    (request.transfer || !isSticky(raft)) &&
    isUpToDate(raft.log, request.lastIndex, request.lastTerm)
  if (granted) {
    if (raft.role.name === 'pre-candidate') becomeFollower(raft, out, raft.term, null)
    if (raft.votedFor === null) {
      raft.votedFor = from
      persistHardState(raft, out)
    }
    // Whoever we elected gets the time to lead: one of the two reasons to reset the timer (Raft §5.2).
    armElectionTimer(raft, out)
    cancelSuccession(raft, out)
  }
  send(raft, out, from, { type: 'vote-reply', term: raft.term, granted })
}

function hasVoteFor(raft: Raft<unknown>, peer: PeerId): boolean {
  return raft.votedFor === peer || (raft.votedFor === null && leaderOf(raft) === null)
}

export function onPreVoteReply<Data>(
  raft: Raft<Data>,
  out: Outbox<Data>,
  from: PeerId,
  reply: Message<'pre-vote-reply'>,
): void {
  if (raft.role.name !== 'pre-candidate') return
  if (reply.granted && reply.term !== raft.term + 1) return
  // A grant may follow a refusal, for a pre-vote binds nobody; a late refusal does not take a grant back.
  if (raft.role.votes.get(from) !== true) raft.role.votes.set(from, reply.granted)
  countPreVotes(raft, out)
}

export function countPreVotes<Data>(raft: Raft<Data>, out: Outbox<Data>): void {
  if (raft.role.name !== 'pre-candidate') return
  if (voteResult(raft.options.configuration, raft.role.votes) === 'won')
    becomeCandidate(raft, out, 'election')
}

/**
 * Votes are kept by voter, for this term alone: duplicates elect nobody. A grant outweighs a refusal, for that may have
 * been the answer to our request of an older term, while a vote once given in this term is not taken back.
 */
export function onVoteReply<Data>(
  raft: Raft<Data>,
  out: Outbox<Data>,
  from: PeerId,
  reply: Message<'vote-reply'>,
): void {
  if (raft.role.name !== 'candidate') return
  if (raft.role.votes.get(from) !== true) raft.role.votes.set(from, reply.granted)
  countVotes(raft, out)
}

/** Our own vote is a vote: it counts once it is on the disk. */
export function onOwnVoteDurable<Data>(raft: Raft<Data>, out: Outbox<Data>): void {
  if (raft.role.name !== 'candidate' || raft.durableSequence < raft.role.voteSequence) return
  if (raft.role.votes.has(raft.self)) return
  raft.role.votes.set(raft.self, true)
  countVotes(raft, out)
}

function countVotes<Data>(raft: Raft<Data>, out: Outbox<Data>): void {
  if (raft.role.name !== 'candidate') return
  // A lost election waits for its timer: whoever won will be heard before that.
  if (voteResult(raft.options.configuration, raft.role.votes) === 'won') becomeLeader(raft, out)
}
