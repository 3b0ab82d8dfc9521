import { foldRecords } from '../../cluster/recovery.ts'
import type { LogRecord } from '../../cluster/messages.ts'
import { createRaft, type Raft } from '../../protocols/raft/state.ts'
import { step } from '../../protocols/raft/step.ts'
import {
  fire,
  follower,
  persisted,
  receive,
  sentTo,
  type Effects,
} from '../../protocols/raft/testing/one-peer.ts'
import { scriptedTiming } from '../../protocols/raft/testing/scenario-cluster.ts'
import type { RaftEffect } from '../../protocols/raft/types.ts'
import { expect, type Schedule } from './schedule.ts'

/** b has the vote of a in term 1; whatever happens to a, c must not get another one of that term. */
export const oneVote: Schedule = {
  name: 'one-vote',
  claim: 'One vote a term, also after a step-down within the term, and after a restart (S8, Raft §5.2)',
  run() {
    const asked = follower()
    votesFor(asked, 'b')
    refuses(asked, 'at once')

    const steppedDown = follower()
    votesFor(steppedDown, 'b')
    fire(steppedDown, 'election')
    // Its own try ends for a rival with a better log.
    receive(steppedDown, 'c', { type: 'pre-vote', term: 2, lastIndex: 5, lastTerm: 1 })
    refuses(steppedDown, 'after it stood itself and stepped down within the term')

    const disk: LogRecord[] = []
    const before = follower()
    // The term comes first, in a record of its own, as when a vote was refused before this one was given.
    write(disk, receive(before, 'c', { type: 'pre-vote-reply', term: 1, granted: false }))
    write(disk, votesFor(before, 'b'))
    refuses(restarted(disk), 'after a restart')
  },
}

function votesFor(raft: Raft<string>, candidate: string): Effects {
  const effects = receive(raft, candidate, {
    type: 'vote',
    term: 1,
    lastIndex: 0,
    lastTerm: 0,
    transfer: false,
  })
  expect(isGranted(effects, candidate), `the vote of a is refused to ${candidate}`)
  persisted(raft)
  return effects
}

function refuses(raft: Raft<string>, when: string): void {
  const effects = receive(raft, 'c', { type: 'vote', term: 1, lastIndex: 5, lastTerm: 1, transfer: false })
  expect(!isGranted(effects, 'c'), `two votes in term 1, the second ${when}`)
}

function isGranted(effects: Effects, candidate: string): boolean {
  return sentTo(effects, candidate).some((reply) => reply.type === 'vote-reply' && reply.granted)
}

function write(disk: LogRecord[], effects: readonly RaftEffect<string>[]): void {
  for (const effect of effects) {
    if (effect.type === 'persist' && effect.hardState !== undefined) {
      disk.push({ type: 'hard-state', ...effect.hardState })
    }
  }
}

function restarted(disk: readonly LogRecord[]): Raft<string> {
  const { hardState } = foldRecords(disk)
  const configuration = { voters: ['a', 'b', 'c'] }
  const raft = createRaft<string>({ ...scriptedTiming, self: 'a', configuration }, { hardState, entries: [] })
  step(raft, { type: 'start' })
  // The minimum timeout passes, and with it what holds a restarted voter back.
  fire(raft, 'election')
  return raft
}
