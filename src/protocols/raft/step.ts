/** One step of one peer: the term is judged here, for every message alike; then the roles have their say. */
import type { PeerId } from '../quorum/types.ts'
import { onAppend, onHeartbeat } from './append.ts'
import { invariant } from './assert.ts'
import { advanceCommit, pushCommit } from './commit.ts'
import {
  onContact,
  onElectionTimer,
  onEvidence,
  onStart,
  onSuccessionTimer,
  onTimeoutNow,
} from './election.ts'
import { onHeartbeatTimer } from './heartbeat.ts'
import { lastIndex } from './log.ts'
import { checkMessage } from './message-shape.ts'
import { announce, emptyOutbox, sealed, send, sendUnbound } from './outbox.ts'
import type { Outbox } from './outbox.ts'
import { answerReads, onRead } from './reads.ts'
import { onAppendReply, onHeartbeatReply, onPropose, replicate } from './replication.ts'
import { becomeFollower } from './roles.ts'
import { isSticky } from './state.ts'
import type { Raft } from './state.ts'
import { advanceTransfer, onTransfer, onTransferTimer } from './transfer.ts'
import type { RaftEffect, RaftInput, RaftMessage, RaftTimer } from './types.ts'
import { answerParked, onOwnVoteDurable, onPreVote, onPreVoteReply, onVote, onVoteReply } from './voting.ts'

/**
 * Changes `raft` in place and returns what to do, in order. Nothing is done here: no clock, no chance, no waiting.
 *
 * @throws PROTOCOL_ERROR for a message that no peer sends, before anything changed: drop it and its connection.
 * @throws INTERNAL, LIMIT_EXCEEDED when an invariant broke: this peer must stop, for `raft` is not to be trusted.
 */
export function step<Data>(raft: Raft<Data>, input: RaftInput<Data>): RaftEffect<Data>[] {
  const out = emptyOutbox<Data>()
  take(raft, out, input)
  settle(raft, out)
  return sealed(raft, out)
}

function take<Data>(raft: Raft<Data>, out: Outbox<Data>, input: RaftInput<Data>): void {
  switch (input.type) {
    case 'start':
      announce(raft, out)
      onStart(raft, out)
      return
    case 'timer':
      onTimer(raft, out, input.timer)
      return
    case 'message':
      onMessage(raft, out, input.from, input.message)
      return
    case 'persisted':
      onPersisted(raft, out, input.sequence)
      return
    case 'propose':
      onPropose(raft, out, input.data)
      return
    case 'evidence':
      onEvidence(raft, out, input.peer)
      return
    case 'contact':
      onContact(raft, out, input.peer)
      return
    case 'read':
      onRead(raft, out, input.id)
      return
    case 'transfer':
      onTransfer(raft, out, input.to)
      return
    case 'pace':
      raft.paceMs = Math.max(0, input.roundTripMs)
      return
    case 'pulse':
      if (raft.role.name === 'leader') raft.pulse = input.pulse
      return
    case 'patience':
      raft.patienceMs = Math.max(0, input.leastMs)
      return
    default:
      input satisfies never
  }
}

/** What follows from the new state, whatever changed it. */
function settle<Data>(raft: Raft<Data>, out: Outbox<Data>): void {
  if (raft.role.name === 'leader') {
    advanceCommit(raft, out, raft.role)
    replicate(raft, out, raft.role)
    pushCommit(raft, out, raft.role)
    answerReads(raft, out, raft.role)
    advanceTransfer(raft, out, raft.role)
  }
  answerParked(raft, out)
}

function onTimer<Data>(raft: Raft<Data>, out: Outbox<Data>, timer: RaftTimer): void {
  switch (timer) {
    case 'election':
      onElectionTimer(raft, out)
      return
    case 'heartbeat':
      onHeartbeatTimer(raft, out)
      return
    case 'succession':
      onSuccessionTimer(raft, out)
      return
    case 'transfer':
      onTransferTimer(raft, out)
      return
    default:
      timer satisfies never
  }
}

function onPersisted<Data>(raft: Raft<Data>, out: Outbox<Data>, sequence: number): void {
  invariant(
    sequence <= raft.sequence,
    `persist ${sequence} is durable, but only ${raft.sequence} were asked for`,
  )
  if (sequence <= raft.durableSequence) return
  raft.durableSequence = sequence
  raft.pendingWrites = raft.pendingWrites.filter((write) => write.sequence > sequence)
  onOwnVoteDurable(raft, out)
}

function onMessage<Data>(
  raft: Raft<Data>,
  out: Outbox<Data>,
  from: PeerId,
  message: RaftMessage<Data>,
): void {
  // Also drops what claims to come from ourselves: an echo must not count as a second voter.
  if (!raft.others.includes(from)) return
  checkMessage(from, message)
  if (message.term < raft.term) answerOldTerm(raft, out, from, message)
  else if (joinTerm(raft, out, from, message)) dispatch(raft, out, from, message)
  // Whoever speaks is alive. Judged last, so that a leader does not greet the peer that just deposed it.
  onContact(raft, out, from)
}

/**
 * A sender that lags behind learns our term: an old leader steps down, and a peer that alone reached a high term is not
 * ignored for ever by the leader of a lower one, nor ignores it (etcd TestFreeStuckCandidateWithCheckQuorum; etcd#9333).
 */
function answerOldTerm<Data>(
  raft: Raft<Data>,
  out: Outbox<Data>,
  from: PeerId,
  message: RaftMessage<Data>,
): void {
  const { term } = raft
  switch (message.type) {
    case 'pre-vote':
      // Silence here would leave mixed clusters without a leader (etcd raft.go Step; raft-rs#42).
      sendUnbound(out, from, { type: 'pre-vote-reply', term, granted: false })
      return
    case 'vote':
      send(raft, out, from, { type: 'vote-reply', term, granted: false })
      return
    case 'append':
      send(raft, out, from, { type: 'append-reply', term, accepted: false, matchIndex: raft.commitIndex })
      return
    case 'heartbeat':
      // Not its round: the sender may lead our term by now, and would take an echo from its old term for a new one.
      send(raft, out, from, { type: 'heartbeat-reply', term, round: 0, lastIndex: lastIndex(raft.log) })
      return
    case 'pre-vote-reply':
    case 'vote-reply':
    case 'append-reply':
    case 'heartbeat-reply':
    case 'timeout-now':
      return
    default:
      message satisfies never
  }
}

/** Enters the message's term if it is higher and real; false if the message is to be ignored. */
function joinTerm<Data>(
  raft: Raft<Data>,
  out: Outbox<Data>,
  from: PeerId,
  message: RaftMessage<Data>,
): boolean {
  if (message.term === raft.term) return true
  switch (message.type) {
    case 'pre-vote':
      return true
    case 'pre-vote-reply':
      // A grant repeats the term that was asked about; a refusal tells a term that exists.
      if (!message.granted) becomeFollower(raft, out, message.term, null)
      return true
    case 'vote':
      // Within the minimum timeout of hearing a leader, not even the term is taken over (Dissertation §4.2.3).
      if (isSticky(raft) && !message.transfer) return false
      becomeFollower(raft, out, message.term, null)
      return true
    case 'append':
    case 'heartbeat':
    case 'timeout-now':
      becomeFollower(raft, out, message.term, from)
      return true
    case 'vote-reply':
    case 'append-reply':
    case 'heartbeat-reply':
      becomeFollower(raft, out, message.term, null)
      return true
    default:
      return message satisfies never
  }
}

function dispatch<Data>(raft: Raft<Data>, out: Outbox<Data>, from: PeerId, message: RaftMessage<Data>): void {
  switch (message.type) {
    case 'pre-vote':
      onPreVote(raft, out, from, message)
      return
    case 'pre-vote-reply':
      onPreVoteReply(raft, out, from, message)
      return
    case 'vote':
      onVote(raft, out, from, message)
      return
    case 'vote-reply':
      onVoteReply(raft, out, from, message)
      return
    case 'append':
      onAppend(raft, out, from, message)
      return
    case 'append-reply':
      onAppendReply(raft, from, message)
      return
    case 'heartbeat':
      onHeartbeat(raft, out, from, message)
      return
    case 'heartbeat-reply':
      onHeartbeatReply(raft, from, message)
      return
    case 'timeout-now':
      onTimeoutNow(raft, out, from)
      return
    default:
      message satisfies never
  }
}
