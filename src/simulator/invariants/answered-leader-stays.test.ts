import { describe, expect, it } from 'vitest'
import { answeredLeaderStays } from './answered-leader-stays.ts'
import { judge, raft, type Story, type StoryProcess } from './testing/story.ts'

const echo = (term = 1) => raft({ type: 'heartbeat-reply', term, round: 1, lastIndex: 1 })
const taken = raft({ type: 'append-reply', term: 1, accepted: true, matchIndex: 1 })

/** a leads term 1 of five, and a second passes: two of its minimum election timeouts. */
const leading =
  (then: (a: StoryProcess, story: Story) => void) =>
  (story: Story): void => {
    const a = story.process('a')
    a.leads(1)
    a.receives('b', echo())
    a.receives('c', echo())
    story.passes(2 * story.timing.electionTimeoutMs[0])
    then(a, story)
  }
const judged = (then: (a: StoryProcess, story: Story) => void): number =>
  judge(answeredLeaderStays, leading(then), { voters: ['a', 'b', 'c', 'd', 'e'] })

describe('answered-leader-stays', () => {
  it.each([
    ['was answered by a majority too long ago', 1, (a) => a.stepsDown(1)],
    [
      'is answered by a minority',
      1,
      (a) => {
        a.receives('b', echo())
        a.receives('b', taken)
        a.stepsDown(1)
        a.receives('b', echo())
      },
    ],
    [
      'learned of a newer term, whoever answers',
      0,
      (a) => {
        a.receives('b', echo())
        a.receives('c', taken)
        a.stepsDown(2)
        a.receives('d', echo())
      },
    ],
    [
      'gets the answers only later',
      1,
      (a, story) => {
        a.stepsDown(1)
        story.passes(1)
        a.receives('b', echo())
        a.receives('c', echo())
      },
    ],
    [
      'has given up already when it stands still, and reads late answers with its first breath',
      1,
      (a, story) => {
        a.stepsDown(1)
        a.happens({ type: 'fault', fault: 'stall' })
        story.passes(1000)
        a.receives('b', echo())
        a.receives('c', echo())
        a.sends('b', raft({ type: 'pre-vote', term: 2, lastIndex: 1, lastTerm: 1 }))
      },
    ],
    [
      'stood still while it gave up',
      1,
      (a) => {
        a.happens({ type: 'fault', fault: 'goes on' })
        a.stepsDown(1)
        a.receives('b', echo())
        a.receives('c', echo())
      },
    ],
    [
      'gets answers of another term',
      1,
      (a) => {
        for (const from of ['b', 'c', 'd']) a.receives(from, echo(0))
        a.stepsDown(1)
      },
    ],
    [
      'gave up in an earlier life',
      1,
      (a) => {
        a.stepsDown(1)
        a.crashes()
        a.startsAgain()
        a.receives('b', echo())
        a.receives('c', echo())
      },
    ],
  ] satisfies [string, number, (a: StoryProcess, story: Story) => void][])(
    'holds for a leader that %s',
    (_what, evaluations, then) => {
      expect(judged(then)).toBe(evaluations)
    },
  )

  it.each([
    [
      'had the answers of a majority since its last check',
      (a, story) => {
        a.receives('b', taken)
        story.passes(story.timing.electionTimeoutMs[0] / 2)
        a.receives('d', echo())
        a.stepsDown(1)
      },
      /a \(run 1\) gives up term 1 at 1250, although it had the answers of b at 1000, d at 1250/,
    ],
    [
      'finds the answers in its sockets when it has given up',
      (a, story) => {
        a.happens({ type: 'fault', fault: 'stall' })
        story.passes(1000)
        a.stepsDown(1)
        a.receives('b', echo())
        a.receives('c', taken)
      },
      /a \(run 1\) gives up term 1 at 2000, although it had the answers of b at 2000, c at 2000/,
    ],
    [
      'finds there the one that it lacked',
      (a) => {
        a.receives('b', echo())
        a.stepsDown(1)
        a.receives('e', echo())
      },
      /although it had the answers of b at 1000, e at 1000/,
    ],
  ] satisfies [string, (a: StoryProcess, story: Story) => void, RegExp][])(
    'fails for a leader that %s',
    (_what, then, message) => {
      expect(() => judged(then)).toThrow(message)
    },
  )
})
