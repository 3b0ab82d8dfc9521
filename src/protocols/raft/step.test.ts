/** The exact effects of the key steps, and what is refused. */
import { describe, expect, it } from 'vitest'
import { cloneRaft, createRaft } from './state.ts'
import { step } from './step.ts'
import {
  acknowledge,
  candidate,
  entriesOf,
  fire,
  follower,
  leader,
  persisted,
  preCandidate,
  receive,
  stickyFollower,
} from './testing/one-peer.ts'
import { scriptedTiming } from './testing/scenario-cluster.ts'
import type { RaftMessage, RaftOptions } from './types.ts'

const options: RaftOptions = { ...scriptedTiming, self: 'a', configuration: { voters: ['a', 'b', 'c'] } }
const blank = { hardState: { term: 0, votedFor: null }, entries: [] }

const heartbeatOf = (term: number, successors: readonly string[] = ['a', 'c']): RaftMessage<string> => ({
  type: 'heartbeat',
  term,
  commit: 0,
  round: 1,
  successors,
})

describe('exact effects', () => {
  it('of the start: a follower of nobody, sticky for the minimum timeout', () => {
    expect(step(createRaft<string>(options, blank), { type: 'start' })).toEqual([
      { type: 'became', role: 'follower', term: 0, leader: null },
      { type: 'arm-timer', timer: 'election', minMs: 150, maxMs: 150 },
    ])
  })

  it('of the minimum timeout: only the random rest', () => {
    expect(fire(stickyFollower(), 'election')).toEqual([
      { type: 'arm-timer', timer: 'election', minMs: 0, maxMs: 150 },
    ])
  })

  it('of the whole timeout: pre-votes to all, nothing durable', () => {
    const question = { type: 'pre-vote', term: 3, lastIndex: 2, lastTerm: 2 }
    expect(fire(follower({ terms: [1, 2] }), 'election')).toEqual([
      { type: 'arm-timer', timer: 'election', minMs: 150, maxMs: 300 },
      { type: 'became', role: 'pre-candidate', term: 2, leader: null },
      { type: 'send', to: 'b', message: question },
      { type: 'send', to: 'c', message: question },
    ])
  })

  it('of a won pre-vote: term and own vote first, the requests wait for them', () => {
    const request = { type: 'vote', term: 1, lastIndex: 0, lastTerm: 0, transfer: false }
    expect(receive(preCandidate(), 'b', { type: 'pre-vote-reply', term: 1, granted: true })).toEqual([
      { type: 'persist', sequence: 1, hardState: { term: 1, votedFor: 'a' } },
      { type: 'arm-timer', timer: 'election', minMs: 150, maxMs: 300 },
      { type: 'became', role: 'candidate', term: 1, leader: null },
      { type: 'send', to: 'b', message: request, after: 1 },
      { type: 'send', to: 'c', message: request, after: 1 },
    ])
  })

  it('of a won election: the no-op goes to disk and followers at once', () => {
    const append = {
      type: 'append',
      term: 1,
      previousIndex: 0,
      previousTerm: 0,
      entries: [{ index: 1, term: 1, data: null }],
      commit: 0,
    }
    expect(receive(candidate(), 'b', { type: 'vote-reply', term: 1, granted: true })).toEqual([
      { type: 'persist', sequence: 2, entries: [{ index: 1, term: 1, data: null }] },
      { type: 'became', role: 'leader', term: 1, leader: 'a' },
      { type: 'arm-timer', timer: 'heartbeat', minMs: 50, maxMs: 50 },
      { type: 'arm-timer', timer: 'election', minMs: 150, maxMs: 150 },
      { type: 'send', to: 'b', message: append },
      { type: 'send', to: 'c', message: append },
    ])
  })

  it('of the first acknowledgement: commit, and the push to whoever has the entry', () => {
    expect(acknowledge(leader(), 'c')).toEqual([
      { type: 'commit', entries: [{ index: 1, term: 1, data: null }] },
      {
        type: 'send',
        to: 'c',
        message: { type: 'heartbeat', term: 1, commit: 1, round: 0, successors: ['b', 'c'] },
      },
    ])
  })

  it('of a granted vote in a new term: one write, one answer that waits for it', () => {
    const request: RaftMessage<string> = { type: 'vote', term: 2, lastIndex: 0, lastTerm: 0, transfer: false }
    expect(receive(follower(), 'b', request)).toEqual([
      { type: 'persist', sequence: 1, hardState: { term: 2, votedFor: 'b' } },
      { type: 'became', role: 'follower', term: 2, leader: null },
      { type: 'arm-timer', timer: 'election', minMs: 150, maxMs: 300 },
      { type: 'send', to: 'b', message: { type: 'vote-reply', term: 2, granted: true }, after: 1 },
    ])
  })

  it('of a heartbeat: no disk, an answer at once, the timer anew', () => {
    const raft = follower({ term: 1 })
    receive(raft, 'b', heartbeatOf(1))
    expect(receive(raft, 'b', heartbeatOf(1))).toEqual([
      { type: 'arm-timer', timer: 'election', minMs: 150, maxMs: 150 },
      { type: 'send', to: 'b', message: { type: 'heartbeat-reply', term: 1, round: 1, lastIndex: 0 } },
    ])
  })

  it('of an append: the entries to disk, the acknowledgement behind them, the commit the leader told', () => {
    const raft = follower({ term: 1 })
    receive(raft, 'b', heartbeatOf(1))
    const entries = entriesOf([1, 1])
    expect(
      receive(raft, 'b', { type: 'append', term: 1, previousIndex: 0, previousTerm: 0, entries, commit: 1 }),
    ).toEqual([
      { type: 'persist', sequence: 1, entries },
      { type: 'arm-timer', timer: 'election', minMs: 150, maxMs: 150 },
      {
        type: 'send',
        to: 'b',
        message: { type: 'append-reply', term: 1, accepted: true, matchIndex: 2 },
        after: 1,
      },
      { type: 'commit', entries: entriesOf([1]) },
    ])
  })

  it('of a deposed leader: it follows, its timers change, its reads fail', () => {
    const raft = leader()
    step(raft, { type: 'read', id: 4 })
    expect(receive(raft, 'b', heartbeatOf(2))).toEqual([
      { type: 'persist', sequence: 3, hardState: { term: 2, votedFor: null } },
      { type: 'cancel-timer', timer: 'heartbeat' },
      { type: 'became', role: 'follower', term: 2, leader: 'b' },
      { type: 'read-failed', id: 4 },
      { type: 'arm-timer', timer: 'election', minMs: 150, maxMs: 150 },
      {
        type: 'send',
        to: 'b',
        message: { type: 'heartbeat-reply', term: 2, round: 1, lastIndex: 1 },
        after: 3,
      },
    ])
  })

  it('of a proposal to a follower: refused, with the leader’s name', () => {
    const raft = follower({ term: 1 })
    receive(raft, 'b', heartbeatOf(1))
    expect(step(raft, { type: 'propose', data: ['x'] })).toEqual([
      { type: 'proposal-refused', data: ['x'], leader: 'b' },
    ])
  })

  it('of a single voter: elected and committed by its own disk alone', () => {
    const raft = createRaft<string>({ ...options, configuration: { voters: ['a'] } }, blank)
    expect(step(raft, { type: 'start' })).toMatchObject([
      { type: 'persist', sequence: 1, hardState: { term: 1, votedFor: 'a' } },
      { type: 'became', role: 'follower' },
      { type: 'arm-timer', timer: 'election' },
      { type: 'became', role: 'candidate' },
    ])
    expect(persisted(raft)).toMatchObject([
      { type: 'persist', sequence: 2 },
      { type: 'became', role: 'leader', term: 1, leader: 'a' },
      { type: 'arm-timer', timer: 'heartbeat' },
      { type: 'arm-timer', timer: 'election' },
    ])
    expect(persisted(raft)).toEqual([{ type: 'commit', entries: [{ index: 1, term: 1, data: null }] }])
  })
})

describe('what does not belong here', () => {
  it('messages of strangers, and of ourselves, are ignored', () => {
    const raft = follower()
    for (const from of ['x', 'a']) expect(receive(raft, from, heartbeatOf(9))).toEqual([])
    expect(raft.term).toBe(0)
  })

  it('a term beyond the safe integers is refused, on both sides', () => {
    expect(() => receive(follower(), 'b', heartbeatOf(2 ** 53))).toThrow(
      /term 9007199254740992 is not a safe integer/,
    )
    expect(() => fire(follower({ term: Number.MAX_SAFE_INTEGER }), 'election')).toThrow(/safe integer/)
  })

  it('entries that cannot stand in a log are refused before anything changes', () => {
    for (const entries of [
      entriesOf([1], 2),
      entriesOf([2, 1]),
      entriesOf([4]),
      [...entriesOf([1]), ...entriesOf([1])],
    ]) {
      const raft = follower()
      const append: RaftMessage<string> = {
        type: 'append',
        term: 3,
        previousIndex: 0,
        previousTerm: 0,
        entries,
        commit: 0,
      }
      expect(() => receive(raft, 'b', append)).toThrow(/cannot stand in a log/)
      expect(raft).toMatchObject({ term: 0, log: { entries: [] } })
    }
  })

  it('two leaders in one term stop the peer that sees them', () => {
    expect(() => receive(leader(), 'b', heartbeatOf(1))).toThrow(/both lead term 1/)
  })

  it('a commit beyond our log stops us: the disk lost what we had acknowledged', () => {
    expect(() => receive(follower({ term: 1 }), 'b', { ...heartbeatOf(1), commit: 3 } as never)).toThrow(
      /disk lost/,
    )
  })

  const wrong: readonly [Partial<RaftOptions>, RegExp][] = [
    [{ self: 'x' }, /'x' is not among the voters 'a', 'b', 'c'/],
    [{ configuration: { voters: [] } }, /\(none\)/],
    [{ electionTimeoutMs: [300, 150] }, /electionTimeoutMs is \[300,150\]/],
    [{ heartbeatMs: 150 }, /minimum above heartbeatMs/],
    [{ maxEntriesPerAppend: 0 }, /maxEntriesPerAppend is 0/],
    [{ maxInflightAppends: 1.5 }, /whole number/],
    [{ rankStepMs: -1 }, /rankStepMs is -1/],
  ]
  for (const [change, message] of wrong) {
    it(`options ${JSON.stringify(change)} are refused by name`, () => {
      expect(() => createRaft<string>({ ...options, ...change }, blank)).toThrow(message)
    })
  }

  it('a recovered log with gaps, falling terms or a term from the future is refused', () => {
    const hardState = { term: 2, votedFor: null }
    for (const entries of [entriesOf([1], 2), entriesOf([2, 1]), entriesOf([3]), entriesOf([0])]) {
      expect(() => createRaft<string>(options, { hardState, entries })).toThrow(/not a log/)
    }
  })
})

describe('a clone', () => {
  it('goes its own way', () => {
    const original = leader()
    const copy = cloneRaft(original)
    expect(copy).toEqual(original)
    step(original, { type: 'propose', data: ['x'] })
    step(original, { type: 'evidence', peer: 'b' })
    acknowledge(original, 'c')
    expect(copy.log.entries).toHaveLength(1)
    expect(copy.suspects.size).toBe(0)
    expect(copy.commitIndex).toBe(0)
    expect(copy.role).toMatchObject({ round: 0, reads: [] })
    expect(acknowledge(copy, 'b')).toEqual(acknowledge(leader(), 'b'))
  })
})
