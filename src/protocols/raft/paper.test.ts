/**
 * One test for each claim of "In Search of an Understandable Consensus Algorithm" (Raft) and of Ongaro's dissertation
 * that this core makes its own. Where elections begin with a pre-vote, the claim is about what follows it.
 */
import { describe, expect, it } from 'vitest'
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
  termsOf,
} from './testing/one-peer.ts'
import { ScriptedCluster } from './testing/scenario-cluster.ts'
import type { RaftMessage } from './types.ts'

const heartbeat = (term: number, commit = 0): RaftMessage<string> => ({
  type: 'heartbeat',
  term,
  commit,
  round: 1,
  successors: ['a', 'c'],
})

const append = (
  term: number,
  previous: readonly [index: number, term: number],
  terms: readonly number[] = [],
  commit = 0,
): RaftMessage<string> => ({
  type: 'append',
  term,
  previousIndex: previous[0],
  previousTerm: previous[1],
  entries: entriesOf(terms, previous[0] + 1),
  commit,
})

const vote = (term: number, lastIndex = 0, lastTerm = 0): RaftMessage<string> => ({
  type: 'vote',
  term,
  lastIndex,
  lastTerm,
  transfer: false,
})

describe('Raft §5.1: terms', () => {
  it('a server whose term is smaller than the other’s takes over the larger one', () => {
    const raft = follower({ term: 1 })
    receive(raft, 'b', heartbeat(5))
    expect(raft.term).toBe(5)
  })

  for (const [name, raft] of [
    ['candidate', candidate({ term: 1 })],
    ['leader', leader({ term: 1 })],
  ] as const) {
    it(`a ${name} that finds its term out of date immediately reverts to follower`, () => {
      receive(raft, 'b', heartbeat(5))
      expect(raft.role).toMatchObject({ name: 'follower', leader: 'b' })
      expect(raft.votedFor).toBeNull()
    })
  }

  it('a request with a stale term is rejected, and told the new one', () => {
    const raft = follower({ term: 3 })
    expect(receive(raft, 'b', vote(2))).toEqual([
      { type: 'send', to: 'b', message: { type: 'vote-reply', term: 3, granted: false } },
    ])
    expect(sentTo(receive(raft, 'b', append(2, [0, 0], [2])), 'b')).toMatchObject([
      { type: 'append-reply', term: 3, accepted: false },
    ])
    expect(raft.log.entries).toEqual([])
  })

  it('stepping down within a term keeps the vote (a second one could elect a second leader)', () => {
    const raft = candidate({ term: 1 })
    receive(raft, 'b', heartbeat(2))
    expect(raft).toMatchObject({ term: 2, votedFor: 'a', role: { name: 'follower' } })
  })
})

describe('Raft §5.2: leader election', () => {
  it('servers begin as followers', () => {
    expect(stickyFollower().role.name).toBe('follower')
  })

  it('a leader sends heartbeats to all followers, again and again', () => {
    const raft = leader()
    for (const round of [1, 2]) {
      const effects = fire(raft, 'heartbeat')
      for (const peer of ['b', 'c'])
        expect(sentTo(effects, peer)).toMatchObject([{ type: 'heartbeat', term: 1, round }])
      expect(effects).toContainEqual({ type: 'arm-timer', timer: 'heartbeat', minMs: 50, maxMs: 50 })
    }
  })

  it('a follower that hears nobody over the election timeout increments its term, votes for itself and asks all', () => {
    const raft = preCandidate({ term: 4 })
    const effects = receive(raft, 'b', { type: 'pre-vote-reply', term: 5, granted: true })
    expect(effects[0]).toMatchObject({ type: 'persist', hardState: { term: 5, votedFor: 'a' } })
    for (const peer of ['b', 'c']) expect(sentTo(effects, peer)).toMatchObject([{ type: 'vote', term: 5 }])
  })

  /** Size of the cluster, answers of others, and what becomes of the candidate. */
  const elections: readonly [size: number, grants: number, refusals: number, role: string][] = [
    [2, 0, 1, 'candidate'],
    [2, 1, 0, 'leader'],
    [3, 0, 0, 'candidate'],
    [3, 1, 1, 'leader'],
    [4, 1, 2, 'candidate'],
    [4, 2, 1, 'leader'],
    [5, 1, 3, 'candidate'],
    [5, 2, 0, 'leader'],
    [5, 2, 2, 'leader'],
  ]
  for (const [size, grants, refusals, role] of elections) {
    it(`a candidate of ${size} with ${grants} votes besides its own is ${role}`, () => {
      const raft = candidate({ voters: ['a', 'b', 'c', 'd', 'e'].slice(0, size) })
      for (const [place, peer] of raft.others.entries()) {
        if (place >= grants + refusals || raft.role.name !== 'candidate') continue
        receive(raft, peer, { type: 'vote-reply', term: 1, granted: place < grants })
      }
      expect(raft.role.name).toBe(role)
    })
  }

  it('a server votes for at most one candidate in a term, first come, first served', () => {
    const raft = follower()
    expect(sentTo(receive(raft, 'b', vote(1)), 'b')).toEqual([{ type: 'vote-reply', term: 1, granted: true }])
    expect(sentTo(receive(raft, 'c', vote(1)), 'c')).toEqual([
      { type: 'vote-reply', term: 1, granted: false },
    ])
    expect(sentTo(receive(raft, 'b', vote(1)), 'b')).toEqual([{ type: 'vote-reply', term: 1, granted: true }])
  })

  it('the vote survives a restart', () => {
    const raft = follower({ term: 1, votedFor: 'b' })
    expect(sentTo(receive(raft, 'c', vote(1)), 'c')).toEqual([
      { type: 'vote-reply', term: 1, granted: false },
    ])
  })

  it('a candidate that hears a leader of its term or a later one recognises it', () => {
    for (const term of [2, 3]) {
      const raft = candidate({ term: 1 })
      receive(raft, 'b', append(term, [0, 0]))
      expect(raft.role).toEqual({ name: 'follower', leader: 'b' })
    }
  })

  it('a candidate rejects a leader of an older term and stays candidate', () => {
    const raft = candidate({ term: 4 })
    expect(sentTo(receive(raft, 'b', append(4, [0, 0])), 'b')).toMatchObject([{ accepted: false, term: 5 }])
    expect(raft.role.name).toBe('candidate')
  })

  it('election timeouts are drawn anew from a fixed interval for each election', () => {
    const raft = preCandidate()
    const again = fire(raft, 'election')
    expect(again).toContainEqual({ type: 'arm-timer', timer: 'election', minMs: 150, maxMs: 300 })
  })

  it('a split vote ends with a new election, in a new term, after the next timeout', () => {
    const raft = candidate({ voters: ['a', 'b', 'c', 'd'] })
    for (const peer of ['b', 'c']) receive(raft, peer, { type: 'vote-reply', term: 1, granted: false })
    expect(raft.role.name).toBe('candidate')
    fire(raft, 'election')
    for (const peer of ['b', 'c']) receive(raft, peer, { type: 'pre-vote-reply', term: 2, granted: true })
    expect(raft).toMatchObject({ term: 2, role: { name: 'candidate' } })
  })

  it('only a leader’s message and a granted vote reset the election timer', () => {
    const resets = (message: RaftMessage<string>): boolean =>
      receive(follower({ terms: [1, 1] }), 'b', message).some(
        (effect) => effect.type === 'arm-timer' && effect.timer === 'election',
      )
    expect(resets(heartbeat(1))).toBe(true)
    expect(resets(append(1, [0, 0]))).toBe(true)
    expect(resets(vote(2, 2, 1))).toBe(true)
    expect(resets(vote(2, 1, 1))).toBe(false)
    expect(resets({ type: 'pre-vote', term: 2, lastIndex: 2, lastTerm: 1 })).toBe(false)
  })
})

describe('Raft §5.3: log replication', () => {
  it('the leader appends a command and sends it to all followers at once', () => {
    const raft = leader()
    for (const peer of raft.others) acknowledge(raft, peer)
    const effects = step(raft, { type: 'propose', data: ['x'] })
    expect(termsOf(raft)).toEqual([1, 1])
    for (const peer of raft.others) {
      expect(sentTo(effects, peer)).toMatchObject([
        { type: 'append', entries: [{ index: 2, term: 1, data: 'x' }] },
      ])
    }
  })

  const copies: readonly [size: number, acknowledgements: number, committed: boolean][] = [
    [1, 0, true],
    [3, 0, false],
    [3, 1, true],
    [4, 1, false],
    [4, 2, true],
    [5, 1, false],
    [5, 2, true],
  ]
  for (const [size, acknowledgements, committed] of copies) {
    it(`in a cluster of ${size}, ${acknowledgements} copies besides the leader’s ${committed ? 'commit' : 'do not commit'}`, () => {
      const raft = leader({ voters: ['a', 'b', 'c', 'd', 'e'].slice(0, size) })
      if (size === 1) persisted(raft)
      for (const peer of raft.others.slice(0, acknowledgements)) acknowledge(raft, peer)
      expect(raft.commitIndex).toBe(committed ? 1 : 0)
    })
  }

  it('committing an entry commits all preceding entries, those of older leaders too', () => {
    const raft = leader({ terms: [1, 1, 2] })
    const effects = acknowledge(raft, 'b')
    expect(effects).toContainEqual({ type: 'commit', entries: raft.log.entries })
    expect(raft.commitIndex).toBe(4)
  })

  it('a follower applies what it learns to be committed, in log order, each entry once', () => {
    const cluster = new ScriptedCluster(['a', 'b', 'c'])
    for (const id of ['a', 'b', 'c', 'a']) cluster.timeout(id)
    cluster.stabilize()
    for (const data of ['x', 'y', 'z']) cluster.input('a', { type: 'propose', data: [data] })
    cluster.stabilize()
    for (const { applied } of cluster.peers.values())
      expect(applied.map((entry) => entry.data)).toEqual([null, 'x', 'y', 'z'])
  })

  it('a follower refuses entries that do not follow the one the leader names', () => {
    const raft = follower({ terms: [1, 1] })
    expect(sentTo(receive(raft, 'b', append(2, [3, 1], [2])), 'b')).toMatchObject([
      { accepted: false, matchIndex: 2 },
    ])
    expect(sentTo(receive(raft, 'b', append(2, [2, 2], [2])), 'b')).toMatchObject([
      { accepted: false, matchIndex: 0 },
    ])
    expect(termsOf(raft)).toEqual([1, 1])
  })

  const conflicts: readonly [
    log: number[],
    previous: [number, number],
    entries: number[],
    result: number[],
  ][] = [
    [[1, 1], [2, 1], [2], [1, 1, 2]],
    [[1, 1, 1], [1, 1], [2], [1, 2]],
    [
      [1, 1, 1],
      [0, 0],
      [2, 2],
      [2, 2],
    ],
    [
      [1, 2, 2],
      [1, 1],
      [2, 3],
      [1, 2, 3],
    ],
    // An old, short append agrees with the log and must not cut it (Figure 2, step 3).
    [[1, 1, 2], [0, 0], [1], [1, 1, 2]],
    [[1, 1, 2], [1, 1], [], [1, 1, 2]],
  ]
  for (const [log, previous, entries, result] of conflicts) {
    it(`entries ${entries.join()} after ${previous.join('/')} make ${log.join()} into ${result.join()}: conflicts go, agreement stays`, () => {
      const raft = follower({ terms: log, term: 3 })
      receive(raft, 'b', append(3, previous, entries))
      expect(termsOf(raft)).toEqual(result)
    })
  }

  /** Figure 7: what followers may hold when the leader of term 8 comes to power. */
  const leaderLog = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6]
  const figure7: Readonly<Record<string, number[]>> = {
    a: [1, 1, 1, 4, 4, 5, 5, 6, 6],
    b: [1, 1, 1, 4],
    c: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
    d: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
    e: [1, 1, 1, 4, 4, 4, 4],
    f: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
  }
  for (const [name, terms] of Object.entries(figure7)) {
    it(`the leader makes the log (${name}) of Figure 7 equal to its own, in at most one refusal for each term`, () => {
      const lead = leader({ terms: leaderLog, term: 7, options: { maxEntriesPerAppend: 20 } })
      const follow = follower({ terms, term: 7 })
      let refusals = 0
      // As after a lost connection: the leader greets the follower and begins to look for the place where they agree.
      step(lead, { type: 'evidence', peer: 'b' })
      let letters = sentTo(step(lead, { type: 'contact', peer: 'b' }), 'b')
      for (let round = 0; round < 20 && letters.length > 0; round += 1) {
        const replies = letters.flatMap((letter) => sentTo(receive(follow, 'b', letter), 'b'))
        refusals += replies.filter((reply) => reply.type === 'append-reply' && !reply.accepted).length
        persisted(follow)
        letters = replies.flatMap((reply) => sentTo(receive(lead, 'b', reply), 'b'))
      }
      expect(termsOf(follow)).toEqual([...leaderLog, 8])
      expect(refusals).toBeLessThanOrEqual(new Set(terms).size)
    })
  }

  it('what a follower knows to be committed is never overwritten: better to stop', () => {
    const raft = follower({ terms: [1, 1] })
    receive(raft, 'b', append(1, [2, 1], [], 2))
    expect(() => receive(raft, 'c', append(2, [0, 0], [2]))).toThrow(/committed/)
  })
})

describe('Raft §5.4: safety', () => {
  const comparisons: readonly [log: number[], lastIndex: number, lastTerm: number, granted: boolean][] = [
    [[], 0, 0, true],
    [[1], 1, 1, true],
    [[1], 2, 1, true],
    [[1, 1], 1, 1, false],
    [[1, 1], 1, 2, true],
    [[1, 2], 5, 1, false],
    [[2], 1, 3, true],
  ]
  for (const [log, index, term, granted] of comparisons) {
    it(`§5.4.1: a voter with log [${log.join()}] ${granted ? 'grants' : 'refuses'} a candidate whose log ends at ${index}/${term}`, () => {
      const reply = sentTo(receive(follower({ terms: log, term: 3 }), 'b', vote(4, index, term)), 'b')
      expect(reply).toEqual([{ type: 'vote-reply', term: 4, granted }])
      const asked: RaftMessage<string> = { type: 'pre-vote', term: 4, lastIndex: index, lastTerm: term }
      const preVote = sentTo(receive(follower({ terms: log, term: 3 }), 'b', asked), 'b')
      expect(preVote).toEqual([{ type: 'pre-vote-reply', term: granted ? 4 : 3, granted }])
    })
  }

  it('§5.4.2: entries of older terms are never committed by counting copies', () => {
    const raft = leader({ terms: [1, 2] })
    for (const peer of raft.others) acknowledge(raft, peer, 2)
    expect(raft.commitIndex).toBe(0)
    acknowledge(raft, 'b', 3)
    expect(raft.commitIndex).toBe(3)
  })
})

describe('Raft §5.5: crashes and repeats', () => {
  it('an append that comes twice changes nothing the second time', () => {
    const raft = follower({ term: 1 })
    receive(raft, 'b', append(1, [0, 0], [1, 1]))
    const effects = receive(raft, 'b', append(1, [0, 0], [1, 1]))
    expect(termsOf(raft)).toEqual([1, 1])
    expect(effects.some((effect) => effect.type === 'persist')).toBe(false)
    expect(sentTo(effects, 'b')).toMatchObject([{ accepted: true, matchIndex: 2 }])
  })

  it('one peer’s vote counts once, however often it comes', () => {
    const raft = candidate({ voters: ['a', 'b', 'c', 'd', 'e'] })
    for (let copy = 0; copy < 5; copy += 1) receive(raft, 'b', { type: 'vote-reply', term: 1, granted: true })
    expect(raft.role.name).toBe('candidate')
  })

  it('a vote counts although a refusal of an older request came first', () => {
    const raft = candidate()
    receive(raft, 'b', { type: 'vote-reply', term: 1, granted: false })
    receive(raft, 'b', { type: 'vote-reply', term: 1, granted: true })
    expect(raft.role.name).toBe('leader')
  })

  it('votes of an older term do not count', () => {
    const raft = candidate({ term: 4 })
    receive(raft, 'b', { type: 'vote-reply', term: 4, granted: true })
    expect(raft.role.name).toBe('candidate')
  })
})

describe('Raft Figure 2: persistent state is updated before responding', () => {
  it('a vote leaves after it is durable', () => {
    const raft = follower()
    const effects = receive(raft, 'b', vote(1))
    expect(effects).toContainEqual({
      type: 'send',
      to: 'b',
      message: { type: 'vote-reply', term: 1, granted: true },
      after: raft.sequence,
    })
  })

  it('so does its repetition, as long as the first is not durable', () => {
    const raft = follower()
    receive(raft, 'b', vote(1))
    expect(receive(raft, 'b', vote(1))).toMatchObject([{ type: 'arm-timer' }, { type: 'send', after: 1 }])
    persisted(raft)
    expect(receive(raft, 'b', vote(1))).toMatchObject([{ type: 'arm-timer' }, { type: 'send', to: 'b' }])
    expect(receive(raft, 'b', vote(1))[1]).not.toHaveProperty('after')
  })

  it('an acknowledgement leaves after the entries are durable', () => {
    const raft = follower({ term: 1 })
    const effects = receive(raft, 'b', append(1, [0, 0], [1]))
    expect(effects).toContainEqual({
      type: 'send',
      to: 'b',
      message: { type: 'append-reply', term: 1, accepted: true, matchIndex: 1 },
      after: 1,
    })
  })

  it('the candidate’s own vote counts when it is durable, not before', () => {
    const raft = preCandidate({ voters: ['a', 'b', 'c'] })
    receive(raft, 'b', { type: 'pre-vote-reply', term: 1, granted: true })
    receive(raft, 'b', { type: 'vote-reply', term: 1, granted: true })
    expect(raft.role.name).toBe('candidate')
    persisted(raft)
    expect(raft.role.name).toBe('leader')
  })
})

describe('Raft §8: clients', () => {
  it('a new leader begins with a no-op, and knows what is committed only when that is', () => {
    const raft = leader({ terms: [1, 1] })
    expect(raft.log.entries.at(-1)).toEqual({ index: 3, term: 2, data: null })
    step(raft, { type: 'read', id: 1 })
    const confirmed = receive(raft, 'b', { type: 'heartbeat-reply', term: 2, round: 1, lastIndex: 3 })
    expect(confirmed.some((effect) => effect.type === 'read-ready')).toBe(false)
    expect(acknowledge(raft, 'b')).toContainEqual({ type: 'read-ready', id: 1, index: 3 })
  })
})

describe('Dissertation §3.10: leadership transfer', () => {
  it('the leader stops accepting, brings the target up to date, and then tells it to stand', () => {
    const raft = leader()
    acknowledge(raft, 'c')
    expect(sentTo(step(raft, { type: 'transfer', to: 'b' }), 'b')).toEqual([])
    expect(step(raft, { type: 'propose', data: ['x'] })).toEqual([
      { type: 'proposal-refused', data: ['x'], leader: null },
    ])
    expect(sentTo(acknowledge(raft, 'b'), 'b')).toContainEqual({ type: 'timeout-now', term: 1 })
  })

  it('the target stands without a pre-vote, and says why', () => {
    const raft = follower({ term: 1 })
    receive(raft, 'b', heartbeat(1))
    const effects = receive(raft, 'b', { type: 'timeout-now', term: 1 })
    expect(sentTo(effects, 'c')).toEqual([
      { type: 'vote', term: 2, lastIndex: 0, lastTerm: 0, transfer: true },
    ])
  })

  it('only the leader may ask for that', () => {
    const raft = follower({ term: 1 })
    receive(raft, 'b', heartbeat(1))
    receive(raft, 'c', { type: 'timeout-now', term: 1 })
    expect(raft.role.name).toBe('follower')
  })

  it('a transfer that does not end within an election timeout is given up, and proposals are taken again', () => {
    const raft = leader()
    expect(step(raft, { type: 'transfer', to: 'b' })).toEqual([
      { type: 'arm-timer', timer: 'transfer', minMs: 150, maxMs: 150 },
    ])
    expect(fire(raft, 'transfer')).toContainEqual({ type: 'transfer-ended', outcome: 'failed' })
    expect(step(raft, { type: 'propose', data: ['x'] })).toContainEqual(
      expect.objectContaining({ type: 'appended' }),
    )
  })
})

describe('Dissertation §4.2.3: disruptive servers', () => {
  it('a vote request within the minimum timeout of hearing a leader is ignored, and its term too', () => {
    const raft = follower({ term: 1 })
    receive(raft, 'b', heartbeat(1))
    expect(receive(raft, 'c', vote(7))).toEqual([])
    expect(raft.term).toBe(1)
    fire(raft, 'election')
    expect(sentTo(receive(raft, 'c', vote(7)), 'c')).toEqual([{ type: 'vote-reply', term: 7, granted: true }])
  })

  it('the leader itself ignores it as well', () => {
    const raft = leader()
    expect(receive(raft, 'c', vote(7, 9, 6))).toEqual([])
    expect(raft.role.name).toBe('leader')
  })

  it('unless the leader asked for the election', () => {
    const raft = follower({ term: 1 })
    receive(raft, 'b', heartbeat(1))
    const asked: RaftMessage<string> = { type: 'vote', term: 2, lastIndex: 0, lastTerm: 0, transfer: true }
    expect(sentTo(receive(raft, 'c', asked), 'c')).toEqual([{ type: 'vote-reply', term: 2, granted: true }])
  })
})

describe('Dissertation §6.2: a leader without a majority steps down', () => {
  it('when an election timeout passes without answers of a majority', () => {
    const raft = leader()
    receive(raft, 'b', { type: 'heartbeat-reply', term: 1, round: 0, lastIndex: 1 })
    expect(fire(raft, 'election')).toEqual([{ type: 'arm-timer', timer: 'election', minMs: 150, maxMs: 150 }])
    fire(raft, 'election')
    expect(raft).toMatchObject({ term: 1, votedFor: 'a', role: { name: 'follower', leader: null } })
  })
})

describe('Dissertation §6.4: reads without a log entry', () => {
  it('wait for a round of heartbeats that began after them', () => {
    const raft = leader()
    acknowledge(raft, 'b')
    fire(raft, 'heartbeat')
    step(raft, { type: 'read', id: 7 })
    const early = receive(raft, 'b', { type: 'heartbeat-reply', term: 1, round: 1, lastIndex: 1 })
    expect(early.some((effect) => effect.type === 'read-ready')).toBe(false)
    const late = receive(raft, 'b', { type: 'heartbeat-reply', term: 1, round: 2, lastIndex: 1 })
    expect(late).toContainEqual({ type: 'read-ready', id: 7, index: 1 })
  })

  it('fail when the leader steps down', () => {
    const raft = leader()
    step(raft, { type: 'read', id: 7 })
    expect(receive(raft, 'b', heartbeat(2))).toContainEqual({ type: 'read-failed', id: 7 })
  })
})

describe('Dissertation §9.6: pre-vote', () => {
  it('asking raises nobody’s term and uses nobody’s vote', () => {
    const raft = follower({ term: 1 })
    const effects = receive(raft, 'b', { type: 'pre-vote', term: 2, lastIndex: 0, lastTerm: 0 })
    expect(effects).toEqual([
      { type: 'send', to: 'b', message: { type: 'pre-vote-reply', term: 2, granted: true } },
    ])
    expect(raft).toMatchObject({ term: 1, votedFor: null })
  })

  it('a peer that is cut off asks for ever without raising its own term', () => {
    const raft = preCandidate({ term: 1 })
    for (let round = 0; round < 10; round += 1) fire(raft, 'election')
    expect(raft).toMatchObject({ term: 1, role: { name: 'pre-candidate' } })
  })

  it('an older term is answered with ours, so that the asker catches up instead of asking for ever', () => {
    const raft = follower({ term: 5 })
    expect(sentTo(receive(raft, 'b', { type: 'pre-vote', term: 3, lastIndex: 0, lastTerm: 0 }), 'b')).toEqual(
      [{ type: 'pre-vote-reply', term: 5, granted: false }],
    )
    const asker = preCandidate({ term: 2 })
    receive(asker, 'b', { type: 'pre-vote-reply', term: 5, granted: false })
    expect(asker).toMatchObject({ term: 5, role: { name: 'follower' } })
  })
})

describe('Dissertation §10.2: performance', () => {
  it('§10.2.1: the leader sends entries without waiting for its own disk, and may even commit before it', () => {
    const raft = leader()
    for (const peer of raft.others) acknowledge(raft, peer)
    const effects = step(raft, { type: 'propose', data: ['x'] })
    const sends = effects.filter((effect) => effect.type === 'send')
    expect(sends).toHaveLength(2)
    for (const one of sends) expect(one).not.toHaveProperty('after')
    acknowledge(raft, 'b')
    expect(raft.commitIndex).toBe(1)
    acknowledge(raft, 'c')
    expect(raft.commitIndex).toBe(2)
  })

  it('§10.2.2: appends are pipelined up to the window, and go on as answers come', () => {
    const raft = leader({ options: { maxEntriesPerAppend: 1, maxInflightAppends: 2 } })
    acknowledge(raft, 'b')
    const sent = sentTo(step(raft, { type: 'propose', data: ['x', 'y', 'z'] }), 'b')
    expect(sent).toMatchObject([{ previousIndex: 1 }, { previousIndex: 2 }])
    expect(sentTo(acknowledge(raft, 'b', 2), 'b')).toMatchObject([{ type: 'append', previousIndex: 3 }])
  })
})
