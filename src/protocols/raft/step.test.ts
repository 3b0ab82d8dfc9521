/** The exact effects of the key steps, and the rules that no paper has. */
import { describe, expect, it } from 'vitest'
import { cloneRaft, createRaft, isSticky } from './state.ts'
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
  sentTo,
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

describe('death evidence', () => {
  const following = (successors: readonly string[], voters = ['a', 'b', 'c', 'd', 'e']) => {
    const raft = follower({ term: 1, voters })
    receive(raft, 'b', heartbeatOf(1, successors))
    return raft
  }

  it('lets rank 0 ask at once', () => {
    const effects = step(following(['a', 'c', 'd', 'e']), { type: 'evidence', peer: 'b' })
    expect(effects).toContainEqual({ type: 'became', role: 'pre-candidate', term: 1, leader: null })
    expect(sentTo(effects, 'c')).toMatchObject([{ type: 'pre-vote', term: 2 }])
  })

  const waits: readonly [order: string[], paceMs: number, waitMs: number][] = [
    [['c', 'a', 'd', 'e'], 0, 10],
    [['c', 'd', 'a', 'e'], 0, 20],
    [['c', 'd', 'a', 'e'], 3, 20],
    [['c', 'd', 'a', 'e'], 5, 30],
    // Left out by the leader: behind everybody it named.
    [['c', 'd'], 0, 20],
  ]
  for (const [order, paceMs, waitMs] of waits) {
    it(`lets ${order.join(' ')} wait ${waitMs} ms in place of a, at a pace of ${paceMs} ms`, () => {
      const raft = following(order)
      step(raft, { type: 'pace', roundTripMs: paceMs })
      expect(step(raft, { type: 'evidence', peer: 'b' })).toEqual([
        { type: 'arm-timer', timer: 'succession', minMs: waitMs, maxMs: waitMs },
      ])
      expect(fire(raft, 'succession')).toContainEqual(expect.objectContaining({ role: 'pre-candidate' }))
    })
  }

  it('about those before us shortens the wait', () => {
    const raft = following(['c', 'd', 'a', 'e'])
    expect(step(raft, { type: 'evidence', peer: 'c' })).toEqual([])
    expect(step(raft, { type: 'evidence', peer: 'b' })).toMatchObject([{ timer: 'succession', minMs: 10 }])
  })

  it('without an order the lowest id among the living is first', () => {
    const raft = follower({ term: 1 })
    receive(raft, 'b', { type: 'append', term: 1, previousIndex: 0, previousTerm: 0, entries: [], commit: 0 })
    expect(step(raft, { type: 'evidence', peer: 'b' })).toContainEqual(
      expect.objectContaining({ role: 'pre-candidate' }),
    )
  })

  it('never changes term, vote or log by itself', () => {
    const raft = following(['a', 'c', 'd', 'e'])
    expect(step(raft, { type: 'evidence', peer: 'b' }).some((effect) => effect.type === 'persist')).toBe(
      false,
    )
    expect(raft).toMatchObject({ term: 1, votedFor: null })
  })

  it('about others, strangers and ourselves starts nothing', () => {
    const raft = following(['a', 'c', 'd', 'e'])
    for (const peer of ['c', 'x', 'a']) expect(step(raft, { type: 'evidence', peer })).toEqual([])
    expect(isSticky(raft)).toBe(true)
  })

  it('told twice counts once', () => {
    const raft = following(['c', 'a', 'd', 'e'])
    step(raft, { type: 'evidence', peer: 'b' })
    expect(step(raft, { type: 'evidence', peer: 'b' })).toEqual([])
  })

  it('is refuted by contact: the succession ends and stickiness returns', () => {
    const raft = following(['c', 'a', 'd', 'e'])
    step(raft, { type: 'evidence', peer: 'b' })
    expect(isSticky(raft)).toBe(false)
    expect(step(raft, { type: 'contact', peer: 'b' })).toEqual([
      { type: 'cancel-timer', timer: 'succession' },
    ])
    expect(isSticky(raft)).toBe(true)
    expect(fire(raft, 'succession')).toEqual([])
  })

  it('is refuted by any message of the peer', () => {
    const raft = following(['c', 'a', 'd', 'e'])
    step(raft, { type: 'evidence', peer: 'b' })
    expect(receive(raft, 'b', heartbeatOf(1))).toContainEqual({ type: 'cancel-timer', timer: 'succession' })
    expect(raft.suspects.size).toBe(0)
  })

  it('makes the leader name the suspect last, from the next round on', () => {
    const raft = leader()
    step(raft, { type: 'evidence', peer: 'b' })
    expect(sentTo(fire(raft, 'heartbeat'), 'c')).toMatchObject([{ successors: ['c', 'b'] }])
  })
})

describe('parked pre-votes', () => {
  const question: RaftMessage<string> = { type: 'pre-vote', term: 2, lastIndex: 0, lastTerm: 0 }
  const parked = () => {
    const raft = follower({ term: 1 })
    receive(raft, 'b', heartbeatOf(1, ['c', 'a']))
    expect(receive(raft, 'c', question)).toEqual([])
    return raft
  }
  const answer = { type: 'send', to: 'c', message: { type: 'pre-vote-reply', term: 2, granted: true } }

  it('are answered when own evidence about the leader comes', () => {
    expect(step(parked(), { type: 'evidence', peer: 'b' })).toContainEqual(answer)
  })

  it('are answered when the minimum timeout passes', () => {
    expect(fire(parked(), 'election')).toContainEqual(answer)
  })

  it('are answered once, the newest of each peer', () => {
    const raft = parked()
    receive(raft, 'c', { ...question, term: 3 })
    expect(sentTo(fire(raft, 'election'), 'c')).toEqual([{ type: 'pre-vote-reply', term: 3, granted: true }])
    expect(sentTo(fire(raft, 'election'), 'c')).toMatchObject([{ type: 'pre-vote' }])
  })

  it('do not end stickiness, and wait on when the leader is heard', () => {
    const raft = parked()
    receive(raft, 'b', heartbeatOf(1, ['c', 'a']))
    expect(raft.parked.size).toBe(1)
  })

  it('at a leader are answered when it steps down', () => {
    const raft = leader()
    expect(receive(raft, 'c', { ...question, lastIndex: 5, lastTerm: 1 })).toEqual([])
    expect(sentTo(fire(raft, 'election'), 'c')).toMatchObject([{ type: 'pre-vote-reply', granted: true }])
  })

  it('of the leader itself end stickiness: who asks for votes leads no more', () => {
    const raft = parked()
    const effects = receive(raft, 'b', question)
    expect(sentTo(effects, 'b')).toEqual([{ type: 'pre-vote-reply', term: 2, granted: true }])
    expect(effects).toContainEqual(answer)
  })
})

describe('two pre-candidates', () => {
  const question: RaftMessage<string> = { type: 'pre-vote', term: 1, lastIndex: 0, lastTerm: 0 }

  it('grant each other; the one with the higher id withdraws', () => {
    const raft = preCandidate({ voters: ['a', 'b', 'c'] })
    receive(raft, 'b', question)
    expect(raft.role.name).toBe('pre-candidate')
    const lower = preCandidate({ voters: ['a', 'b', 'A'] })
    expect(sentTo(receive(lower, 'A', question), 'A')).toMatchObject([{ granted: true }])
    expect(lower.role.name).toBe('follower')
  })

  it('or the one with the older log, whatever its id', () => {
    const raft = preCandidate({ voters: ['a', 'b', 'c'] })
    receive(raft, 'b', { ...question, lastIndex: 1, lastTerm: 0 })
    expect(raft.role.name).toBe('follower')
  })

  it('a refusal that turns into a grant counts; a grant is not taken back', () => {
    const raft = preCandidate({ voters: ['a', 'b', 'c', 'd', 'e'] })
    receive(raft, 'b', { type: 'pre-vote-reply', term: 0, granted: false })
    receive(raft, 'b', { type: 'pre-vote-reply', term: 1, granted: true })
    receive(raft, 'b', { type: 'pre-vote-reply', term: 0, granted: false })
    receive(raft, 'c', { type: 'pre-vote-reply', term: 1, granted: true })
    expect(raft.role.name).toBe('candidate')
  })

  it('grants of another term do not count', () => {
    const raft = preCandidate({ term: 3 })
    receive(raft, 'b', { type: 'pre-vote-reply', term: 9, granted: true })
    receive(raft, 'c', { type: 'pre-vote-reply', term: 3, granted: true })
    expect(raft).toMatchObject({ term: 3, role: { name: 'pre-candidate' } })
  })
})

describe('lost messages', () => {
  it('an unanswered append is sent again after a whole heartbeat interval, not before', () => {
    const raft = leader()
    const beat = () => {
      fire(raft, 'heartbeat')
      const round = raft.role.name === 'leader' ? raft.role.round : 0
      return sentTo(receive(raft, 'b', { type: 'heartbeat-reply', term: 1, round, lastIndex: 0 }), 'b')
    }
    expect(beat()).toEqual([])
    expect(beat()).toMatchObject([{ type: 'append', previousIndex: 0, entries: [{ index: 1 }] }])
  })

  it('entries that the follower has in memory are asked about, not sent again', () => {
    const raft = leader()
    acknowledge(raft, 'b')
    step(raft, { type: 'propose', data: ['x'] })
    persisted(raft)
    for (const _ of [1, 2]) fire(raft, 'heartbeat')
    const again = receive(raft, 'b', { type: 'heartbeat-reply', term: 1, round: 2, lastIndex: 2 })
    expect(sentTo(again, 'b')).toEqual([
      { type: 'append', term: 1, previousIndex: 2, previousTerm: 1, entries: [], commit: 1 },
    ])
    expect(sentTo(acknowledge(raft, 'b'), 'b')).toMatchObject([{ type: 'heartbeat', commit: 2 }])
  })

  it('old and repeated refusals do not move a leader back', () => {
    const raft = leader({ terms: [1, 1, 1] })
    acknowledge(raft, 'b')
    const late: RaftMessage<string> = { type: 'append-reply', term: 2, accepted: false, matchIndex: 1 }
    expect(receive(raft, 'b', late)).toEqual([])
  })

  it('an acknowledgement of what was never sent is no acknowledgement', () => {
    const raft = leader()
    acknowledge(raft, 'b', 99)
    expect(raft.commitIndex).toBe(0)
  })
})

describe('reads', () => {
  it('that come together share a round', () => {
    const raft = leader()
    acknowledge(raft, 'b')
    expect(step(raft, { type: 'read', id: 1 })).toHaveLength(2)
    expect(step(raft, { type: 'read', id: 2 })).toEqual([])
    expect(step(raft, { type: 'read', id: 3 })).toEqual([])
    const first = receive(raft, 'b', { type: 'heartbeat-reply', term: 1, round: 1, lastIndex: 1 })
    expect(first).toMatchObject([{ type: 'read-ready', id: 1 }, { type: 'send' }, { type: 'send' }])
    const second = receive(raft, 'c', { type: 'heartbeat-reply', term: 1, round: 2, lastIndex: 1 })
    expect(second.filter((effect) => effect.type === 'read-ready')).toHaveLength(2)
  })

  it('anywhere but at the leader fail', () => {
    expect(step(follower(), { type: 'read', id: 1 })).toEqual([{ type: 'read-failed', id: 1 }])
  })
})

describe('transfer', () => {
  it('to ourselves, to a stranger, or by a follower fails', () => {
    const failed = [{ type: 'transfer-ended', outcome: 'failed' }]
    expect(step(leader(), { type: 'transfer', to: 'a' })).toEqual(failed)
    expect(step(leader(), { type: 'transfer', to: 'x' })).toEqual(failed)
    expect(step(follower(), { type: 'transfer', to: 'b' })).toEqual(failed)
    expect(step(leader({ voters: ['a', 'b'] }), { type: 'transfer', to: null })).toMatchObject([
      { type: 'arm-timer' },
    ])
  })

  it('is done when its target leads, and failed when another does', () => {
    for (const [winner, outcome] of [
      ['b', 'done'],
      ['c', 'failed'],
    ] as const) {
      const raft = leader()
      acknowledge(raft, 'b')
      step(raft, { type: 'transfer', to: 'b' })
      receive(raft, 'b', { type: 'vote', term: 2, lastIndex: 1, lastTerm: 1, transfer: true })
      expect(raft.role.name).toBe('follower')
      const effects = receive(raft, winner, heartbeatOf(2))
      expect(effects).toContainEqual({ type: 'transfer-ended', outcome })
      expect(effects).toContainEqual({ type: 'cancel-timer', timer: 'transfer' })
    }
  })

  it('to a second target replaces the first', () => {
    const raft = leader()
    step(raft, { type: 'transfer', to: 'b' })
    expect(step(raft, { type: 'transfer', to: 'b' })).toEqual([])
    expect(step(raft, { type: 'transfer', to: 'c' })).toEqual([
      { type: 'transfer-ended', outcome: 'failed' },
      { type: 'arm-timer', timer: 'transfer', minMs: 150, maxMs: 150 },
    ])
  })
})

describe('what does not belong here', () => {
  it('messages of strangers, and of ourselves, are ignored', () => {
    const raft = follower()
    for (const from of ['x', 'a']) expect(receive(raft, from, heartbeatOf(9))).toEqual([])
    expect(raft.term).toBe(0)
  })

  it('a term beyond the safe integers is refused, on both sides', () => {
    expect(() => receive(follower(), 'b', heartbeatOf(2 ** 53))).toThrow(/safe integer/)
    expect(() => fire(follower({ term: Number.MAX_SAFE_INTEGER }), 'election')).toThrow(/safe integer/)
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
