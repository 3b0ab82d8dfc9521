import { durableIndex, type Raft } from '../../protocols/raft/state.ts'
import { step } from '../../protocols/raft/step.ts'
import {
  candidate,
  fire,
  follower,
  leader,
  persisted,
  preCandidate,
  receive,
  sentTo,
} from '../../protocols/raft/testing/one-peer.ts'
import { expect, expectEqual, type Schedule } from './schedule.ts'

const voters = ['a', 'b', 'c', 'd', 'e']

/** Answers that come twice, or to a question of another term, or about another write. */
export const lateAnswers: Schedule = {
  name: 'late-answers',
  claim: 'An answer counts once, and only for the question that it answers',
  run() {
    voteTwice()
    voteOfAnOlderTerm()
    preVoteOfAnOlderTerm()
    heartbeatOfAnOlderTerm()
    writeOfAnEarlierTurn()
  },
}

function voteTwice(): void {
  const raft = candidate({ voters })
  vote(raft, 'b', raft.term)
  vote(raft, 'b', raft.term)
  expectEqual(raft.role.name, 'candidate', 'after two votes of five, one of them twice')
}

function voteOfAnOlderTerm(): void {
  const raft = candidate({ voters })
  const older = raft.term
  fire(raft, 'election')
  for (const peer of ['b', 'c']) preVote(raft, peer, older + 1)
  persisted(raft)
  expectEqual(raft.role.name, 'candidate', 'in the next term')
  for (const peer of ['d', 'e']) vote(raft, peer, older)
  expectEqual(raft.role.name, 'candidate', 'after votes of the term before')
}

/** cockroach#123189 */
function preVoteOfAnOlderTerm(): void {
  const raft = preCandidate({ voters, term: 4 })
  for (const peer of ['d', 'e']) preVote(raft, peer, 4)
  expectEqual(raft.role.name, 'pre-candidate', 'after pre-votes for the term that it is in already')
}

function heartbeatOfAnOlderTerm(): void {
  const raft = follower({ term: 3 })
  const effects = receive(raft, 'b', { type: 'heartbeat', term: 2, commit: 0, round: 7, successors: [] })
  const [reply] = sentTo(effects, 'b')
  expect(
    reply?.type === 'heartbeat-reply' && reply.round === 0,
    'a heartbeat of an older term is echoed with its round, which the new leadership of its sender may have as well',
  )
}

function writeOfAnEarlierTurn(): void {
  const raft = leader()
  step(raft, { type: 'propose', data: ['x'] })
  const first = raft.sequence
  step(raft, { type: 'propose', data: ['y'] })
  step(raft, { type: 'persisted', sequence: first })
  expectEqual(durableIndex(raft), raft.log.entries.length - 1, 'durable after the first of two writes')
}

function vote(raft: Raft<string>, from: string, term: number): void {
  receive(raft, from, { type: 'vote-reply', term, granted: true })
}

function preVote(raft: Raft<string>, from: string, term: number): void {
  receive(raft, from, { type: 'pre-vote-reply', term, granted: true })
}
