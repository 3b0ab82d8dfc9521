/** What a follower makes of its leader's promises, and a leader of its pulse (`tuning: 'adaptive'`). */
import { describe, expect, it } from 'vitest'
import type { Raft } from './state.ts'
import { step } from './step.ts'
import {
  acknowledge,
  fire,
  leader,
  receive,
  sentTo,
  stickyFollower,
  type Effects,
} from './testing/one-peer.ts'
import type { RaftMessage } from './types.ts'

const timing = { heartbeatMs: 100, electionTimeoutMs: [500, 1000], leastSilenceMs: 110 } as const

const heartbeat = (round: number, silenceMs?: number, term = 1): RaftMessage<string> => ({
  type: 'heartbeat',
  term,
  commit: 0,
  round,
  successors: ['a', 'c'],
  ...(silenceMs === undefined ? {} : { pulse: { intervalMs: 30, silenceMs } }),
})

/** Follows b. */
const following = (options: object = timing): Raft<string> => stickyFollower({ term: 1, options })

/** The range of the election timer after these effects. */
function timerOf(effects: Effects): readonly [number, number] | undefined {
  const armed = effects.findLast((effect) => effect.type === 'arm-timer' && effect.timer === 'election')
  return armed?.type === 'arm-timer' ? [armed.minMs, armed.maxMs] : undefined
}

describe('a follower', () => {
  it('that may believes a promise from the heartbeat on that brought it, and no longer than its leader leads', () => {
    const raft = following()
    expect(timerOf(receive(raft, 'b', heartbeat(1)))).toEqual([500, 500])
    expect(timerOf(receive(raft, 'b', heartbeat(2, 200)))).toEqual([200, 200])
    // An append is a sign of life as well.
    const append: RaftMessage<string> = {
      type: 'append',
      term: 1,
      previousIndex: 0,
      previousTerm: 0,
      entries: [],
      commit: 0,
    }
    expect(timerOf(receive(raft, 'b', append))).toEqual([200, 200])
    // The random rest keeps its proportion; of two successors the first has its first half.
    expect(timerOf(fire(raft, 'election'))).toEqual([0, 100])
    expect(timerOf(receive(raft, 'c', heartbeat(1, undefined, 2)))).toEqual([500, 500])
  })

  it('that may not believes none', () => {
    const raft = following({ ...timing, leastSilenceMs: undefined })
    expect(timerOf(receive(raft, 'b', heartbeat(1, 200)))).toEqual([500, 500])
  })

  it.each([
    ['less than is allowed', 1, 0, 110],
    ['nothing', 0, 0, 110],
    ['less than was measured here', 150, 320, 320],
    ['more than is configured', 5000, 0, 500],
    ['less than was measured, which is more than is configured', 200, 5000, 500],
  ])('that is told %s keeps its bounds', (_what, silenceMs, leastMs, expected) => {
    const raft = following()
    step(raft, { type: 'patience', leastMs })
    expect(timerOf(receive(raft, 'b', heartbeat(1, silenceMs)))).toEqual([expected, expected])
  })

  it('does not believe a promise that was overtaken, nor one that was taken back', () => {
    const raft = following()
    receive(raft, 'b', heartbeat(5, 200))
    expect(timerOf(receive(raft, 'b', heartbeat(6, 400)))).toEqual([400, 400])
    expect(timerOf(receive(raft, 'b', heartbeat(5, 200)))).toEqual([400, 400])
    expect(timerOf(receive(raft, 'b', heartbeat(7)))).toEqual([500, 500])
    expect(timerOf(receive(raft, 'b', heartbeat(6, 200)))).toEqual([500, 500])
  })

  it('answers others for as long as it believes, and asks with configured timeouts from then on', () => {
    const raft = following()
    receive(raft, 'b', heartbeat(1, 200))
    const asked = { type: 'pre-vote', term: 2, lastIndex: 0, lastTerm: 0 } as const
    expect(sentTo(receive(raft, 'c', asked), 'c')).toEqual([])
    expect(sentTo(fire(raft, 'election'), 'c')).toMatchObject([{ type: 'pre-vote-reply', granted: true }])
    expect(timerOf(fire(raft, 'election'))).toEqual([500, 1000])
  })
})

describe('a leader', () => {
  const pulse = (silenceMs = 120) => ({
    intervalMs: 25,
    promises: new Map([['b', { intervalMs: 25, silenceMs }]]),
  })

  it('beats in its pulse and tells each follower its own promise', () => {
    const raft = leader({ options: timing })
    expect(step(raft, { type: 'pulse', pulse: pulse() })).toEqual([])
    const effects = fire(raft, 'heartbeat')
    expect(effects).toContainEqual({ type: 'arm-timer', timer: 'heartbeat', minMs: 25, maxMs: 25 })
    expect(sentTo(effects, 'b')).toMatchObject([{ pulse: { intervalMs: 25, silenceMs: 120 } }])
    expect(sentTo(effects, 'c')[0]).not.toHaveProperty('pulse')
  })

  it('asks of itself what is configured: check-quorum and hand-over are not tuned', () => {
    const raft = leader({ options: timing })
    step(raft, { type: 'pulse', pulse: pulse() })
    acknowledge(raft, 'b')
    expect(timerOf(fire(raft, 'election'))).toEqual([500, 500])
    const handsOver = step(raft, { type: 'transfer', to: 'c' })
    expect(handsOver).toContainEqual({ type: 'arm-timer', timer: 'transfer', minMs: 500, maxMs: 500 })
  })

  it('forgets its pulse with its leadership, and nobody else takes one', () => {
    const raft = leader({ options: timing })
    step(raft, { type: 'pulse', pulse: pulse() })
    receive(raft, 'c', heartbeat(1, undefined, 9))
    expect(raft.pulse).toBeNull()
    step(raft, { type: 'pulse', pulse: pulse() })
    expect(raft.pulse).toBeNull()
  })

  it('waits for an answer to an append as long as ever before it sends again', () => {
    const resent = (tuned: boolean): number => {
      const raft = leader({ options: timing })
      acknowledge(raft, 'b')
      if (tuned) step(raft, { type: 'pulse', pulse: pulse() })
      step(raft, { type: 'propose', data: ['x'] })
      for (let beat = 1; beat < 100; beat++) {
        fire(raft, 'heartbeat')
        const round = raft.role.name === 'leader' ? raft.role.round : 0
        const reply = { type: 'heartbeat-reply', term: raft.term, round, lastIndex: 0 } as const
        if (sentTo(receive(raft, 'b', reply), 'b').some(({ type }) => type === 'append'))
          return beat * (tuned ? 25 : 100)
      }
      return Infinity
    }
    expect(resent(true)).toBe(resent(false))
  })
})
