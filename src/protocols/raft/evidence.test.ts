/** Who asks first when the leader seems dead, and who answers whom (DESIGN §4.2). */
import { describe, expect, it } from 'vitest'
import { isSticky } from './state.ts'
import { step } from './step.ts'
import { fire, follower, leader, preCandidate, receive, sentTo } from './testing/one-peer.ts'
import type { RaftMessage } from './types.ts'

const heartbeatOf = (term: number, successors: readonly string[] = ['a', 'c']): RaftMessage<string> => ({
  type: 'heartbeat',
  term,
  commit: 0,
  round: 1,
  successors,
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

describe('the random rest of the timeout', () => {
  /** Of a, whose leader b named this order. */
  const restOf = (order: readonly string[], suspects: readonly string[] = []) => {
    const raft = follower({ term: 1, voters: ['a', 'b', 'c', 'd', 'e'] })
    receive(raft, 'b', heartbeatOf(1, order))
    for (const peer of suspects) step(raft, { type: 'evidence', peer })
    return fire(raft, 'election')
  }
  const rest = (minMs: number, maxMs: number) => [{ type: 'arm-timer', timer: 'election', minMs, maxMs }]

  it('is divided by the order of succession, so that two seldom stand at once', () => {
    expect(restOf(['a', 'c', 'd'])).toEqual(rest(0, 50))
    expect(restOf(['c', 'a', 'd'])).toEqual(rest(50, 100))
    expect(restOf(['c', 'd', 'a'])).toEqual(rest(100, 150))
  })

  it('leaves no part to the dead', () => {
    expect(restOf(['c', 'a', 'd'], ['c'])).toEqual(rest(0, 75))
  })

  it('is whole for whom the leader did not name', () => {
    expect(restOf([])).toEqual(rest(0, 150))
    expect(restOf(['c', 'd'])).toEqual(rest(0, 150))
  })
})

describe('the order of succession', () => {
  it('leaves out whom the leader has not heard for the longest election timeout, and takes it back when it answers', () => {
    const raft = leader()
    const { heartbeatMs, electionTimeoutMs } = raft.options
    const beats = Math.floor(electionTimeoutMs[1] / heartbeatMs)
    const told = () => sentTo(fire(raft, 'heartbeat'), 'c')
    const answers = (from: string) =>
      receive(raft, from, { type: 'heartbeat-reply', term: raft.term, round: 1, lastIndex: 1 })
    for (let beat = 0; beat < beats; beat++) {
      expect(told()).toMatchObject([{ successors: ['b', 'c'] }])
      answers('c')
    }
    expect(told()).toMatchObject([{ successors: ['c'] }])
    answers('b')
    expect(told()).toMatchObject([{ successors: ['b', 'c'] }])
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

  it('the better one asks its rival again, who may have heard the question too early, but only in its first round', () => {
    const raft = preCandidate({ voters: ['a', 'b', 'c'] })
    const again = [{ type: 'pre-vote-reply', granted: true }, question]
    expect(sentTo(receive(raft, 'b', question), 'b')).toMatchObject(again)
    fire(raft, 'election')
    expect(sentTo(receive(raft, 'b', question), 'b')).toMatchObject(again.slice(0, 1))
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
