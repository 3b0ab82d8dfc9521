/** What a leader does besides replicating: sending again, reading, handing over. */
import { describe, expect, it } from 'vitest'
import { step } from './step.ts'
import { acknowledge, fire, follower, leader, persisted, receive, sentTo } from './testing/one-peer.ts'
import type { RaftMessage } from './types.ts'

const heartbeatOf = (term: number, successors: readonly string[] = ['a', 'c']): RaftMessage<string> => ({
  type: 'heartbeat',
  term,
  commit: 0,
  round: 1,
  successors,
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

  it('are not confirmed by answers to heartbeats of an older term, which may reach the same leader in a newer one', () => {
    const old: RaftMessage<string> = { type: 'heartbeat', term: 1, commit: 0, round: 30, successors: [] }
    expect(sentTo(receive(follower({ term: 2 }), 'b', old), 'b')).toEqual([
      { type: 'heartbeat-reply', term: 2, round: 0, lastIndex: 0 },
    ])
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
