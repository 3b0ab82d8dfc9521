import { describe, expect, it } from 'vitest'
import { leaderStepsDown } from './leader-steps-down.ts'
import { judge, raft, type Story, type StoryProcess } from './testing/story.ts'

const beat = raft({ type: 'heartbeat', term: 1, commit: 0, round: 1, successors: [] })
const echo = raft({ type: 'heartbeat-reply', term: 1, round: 1, lastIndex: 0 })
const taken = raft({ type: 'append-reply', term: 1, accepted: true, matchIndex: 1 })
const voters = ['a', 'b', 'c', 'd', 'e']

/** a leads term 1 of five; each round it beats, hears what `hears` says, and a heartbeat passes. */
const leading =
  (hears: (a: StoryProcess, round: number) => void) =>
  (story: Story): void => {
    const a = story.process('a')
    a.leads(1)
    for (let round = 0; round < 20; round++) {
      a.sends('b', beat)
      hears(a, round)
      story.passes(story.timing.heartbeatMs)
    }
  }

describe('leader-steps-down', () => {
  it('holds while a majority answers, be it each in its turn', () => {
    const evaluations = judge(
      leaderStepsDown,
      leading((a, round) => {
        a.receives(['b', 'c', 'd', 'e'][round % 4] as string, round % 2 === 0 ? echo : taken)
      }),
      { voters },
    )
    expect(evaluations).toBe(20)
  })

  it('counts from when a leader runs again that stood still', () => {
    const stalled = (story: Story): void => {
      const a = story.process('a')
      a.leads(1)
      a.happens({ type: 'fault', fault: 'stall' })
      story.passes(60_000)
      a.sends('b', beat)
      story.passes(story.timing.electionTimeoutMs[0])
      a.sends('b', beat)
    }
    expect(judge(leaderStepsDown, stalled, { voters })).toBe(2)
  })

  it.each([
    ['nobody answers', () => undefined],
    ['a minority answers, again and again', (a) => a.receives('b', echo)],
    [
      'what comes is of another term',
      (a) => {
        for (const from of ['b', 'c', 'd'])
          a.receives(from, raft({ type: 'heartbeat-reply', term: 0, round: 1, lastIndex: 0 }))
      },
    ],
  ] satisfies [string, (a: StoryProcess) => void][])('fails when %s', (_what, hears) => {
    expect(() => judge(leaderStepsDown, leading(hears), { voters })).toThrow(
      /a still leads term 1 at \d+; a majority was heard from last at 0/,
    )
  })
})
