import type { Voter } from '../../protocols/support/voter.ts'
import { createVoter, stepVoter } from '../../protocols/support/voter.ts'
import {
  acknowledge,
  fire,
  follower,
  leader,
  persisted,
  preCandidate,
  receive,
  type Effects,
} from '../../protocols/raft/testing/one-peer.ts'
import type { VoterEffect } from '../../protocols/support/types.ts'
import { DiskQueue } from '../../cluster/disk-queue.ts'
import type { Storage } from '../../seams/storage.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { step } from '../../protocols/raft/step.ts'
import { expect, expectEqual, type Schedule } from './schedule.ts'

/** The process dies between a decision and the disk: nobody may have heard of the decision. */
export const nothingLeavesBeforeTheDisk: Schedule = {
  name: 'nothing-leaves-before-the-disk',
  claim:
    'Votes, acknowledgements and withdrawals leave only after the write that makes them true (Raft Figure 2, DESIGN §4.1 A4)',
  run() {
    const voter = follower()
    waits(
      receive(voter, 'b', { type: 'vote', term: 1, lastIndex: 0, lastTerm: 0, transfer: false }),
      'vote-reply',
    )
    const standing = preCandidate()
    waits(receive(standing, 'b', { type: 'pre-vote-reply', term: 1, granted: true }), 'vote')
    const receiver = follower({ term: 1 })
    const entries = [{ index: 1, term: 1, data: 'x' }]
    waits(
      receive(receiver, 'b', {
        type: 'append',
        term: 1,
        previousIndex: 0,
        previousTerm: 0,
        entries,
        commit: 0,
      }),
      'append-reply',
    )
    ownVote()
    ownCopy()
    withdrawal()
    failedWrite()
  },
}

/** Three voters: with the vote of b alone the own one has to be on the disk, which is still busy with an entry. */
function ownVote(): void {
  const raft = follower({ term: 1 })
  const entries = [{ index: 1, term: 1, data: 'x' }]
  receive(raft, 'c', { type: 'append', term: 1, previousIndex: 0, previousTerm: 0, entries, commit: 0 })
  const earlier = raft.sequence
  fire(raft, 'election')
  fire(raft, 'election')
  receive(raft, 'b', { type: 'pre-vote-reply', term: 2, granted: true })
  receive(raft, 'b', { type: 'vote-reply', term: 2, granted: true })
  expectEqual(raft.role.name, 'candidate', 'with one vote of three and its own on the way to the disk')
  step(raft, { type: 'persisted', sequence: earlier })
  expectEqual(raft.role.name, 'candidate', 'after the write before that of its own vote')
  step(raft, { type: 'persisted', sequence: raft.sequence })
  expectEqual(raft.role.name, 'leader', 'with two durable votes of three')
}

/** Dissertation §10.2.1: the leader writes in parallel with its followers, so it may be the last to have an entry. */
function ownCopy(): void {
  const raft = leader()
  acknowledge(raft, 'b')
  step(raft, { type: 'propose', data: ['x'] })
  acknowledge(raft, 'b')
  expectEqual(
    raft.commitIndex,
    1,
    'committed with one durable copy of three and the own on its way to the disk',
  )
  persisted(raft)
  expectEqual(raft.commitIndex, 2, 'committed with two durable copies of three')
}

/** fsyncgate: after a failed fsync nobody knows what is on the disk, also if the next one succeeds. */
function failedWrite(): void {
  const told: string[] = []
  const answers: ((error?: unknown) => void)[] = []
  const storage: Storage<string> = {
    open: () => Promise.reject(new Error('not here')),
    append: (_, done) => answers.push(done),
    bytes: () => 0,
    close: () => Promise.resolve(),
  }
  const queue = new DiskQueue(storage, manualClock(), (task) => task(), {
    persisted: (_, sequence) => told.push(`persisted ${sequence}`),
    wrote: () => undefined,
    failed: () => told.push('failed'),
  })
  queue.write('raft', 1, ['vote'])
  queue.gate('raft', 1, () => told.push('sent'))
  queue.flush()
  answers[0]?.(new Error('EIO'))
  expectEqual(told, ['failed'], 'what follows a failed write')
}

function withdrawal(): void {
  const voter: Voter = createVoter({
    self: 'a',
    incarnation: 1,
    bounds: { maxClockDrift: 0.001, tickMs: 1 },
    startedAt: 0,
    withdrawals: [],
  })
  stepVoter(voter, { type: 'opened', session: 's', epoch: 1, leaseMs: 100 }, 0)
  const request = { type: 'withdraw-request', session: 's', epoch: 1 } as const
  const effects: VoterEffect[] = [
    ...stepVoter(voter, { type: 'withdraw-request', from: 'b', request }, 200),
    ...stepVoter(voter, { type: 'wake' }, 200),
    // Asked again, and by the holder, before the disk has answered.
    ...stepVoter(voter, { type: 'withdraw-request', from: 'c', request }, 200),
    ...stepVoter(
      voter,
      { type: 'keepalive', from: 'd', keepalive: { type: 'keepalive', session: 's', epoch: 1, sequence: 9 } },
      200,
    ),
  ]
  const sent = effects.filter((effect) => effect.type === 'send')
  expectEqual(sent.length, 3, 'messages of the voter that withdrew')
  expect(
    sent.every((effect) => effect.after === 1),
    'a voter tells of its withdrawal before it is durable',
  )
}

function waits(effects: Effects, type: string): void {
  const promises = effects.flatMap((effect) =>
    effect.type === 'send' && effect.message.type === type ? [effect] : [],
  )
  expect(promises.length > 0, `no ${type} at all`)
  expect(
    promises.every((promise) => promise.after !== undefined),
    `a ${type} leaves before the write that it speaks of`,
  )
}
