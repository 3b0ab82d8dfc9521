import { describe, expect, it } from 'vitest'
import { readsBeforeAccusing } from './reads-before-accusing.ts'
import { judge, raft, type Story, type StoryProcess } from './testing/story.ts'

const asks = (term = 2) => raft({ type: 'pre-vote', term, lastIndex: 1, lastTerm: 1 })
const beat = (term: number) => raft({ type: 'heartbeat', term, commit: 0, round: 1, successors: [] })

/** a, of three, stands still for a second. */
const stalled = (then: (a: StoryProcess, story: Story) => void) => (story: Story) => {
  const a = story.process('a')
  a.happens({ type: 'fault', fault: 'stall' })
  story.passes(1000)
  then(a, story)
}

describe('reads-before-accusing', () => {
  it.each([
    [
      'who reads first, then stands',
      1,
      (a) => {
        a.receives('b', beat(1))
        a.sends('c', asks())
        a.receives('b', beat(1))
      },
    ],
    [
      'who gets the heartbeat only later',
      0,
      (a, story) => {
        a.sends('c', asks())
        story.passes(1)
        a.receives('b', beat(1))
      },
    ],
    [
      'who knows of a death',
      0,
      (a) => {
        a.happens({ type: 'evidence', against: 'c' })
        a.sends('c', asks())
        a.receives('b', beat(2))
      },
    ],
    [
      'who stood before, and asks a rival again whose question it reads first',
      1,
      (a) => {
        a.receives('b', asks())
        a.sends('b', asks())
        a.receives('b', beat(2))
      },
    ],
    [
      'who gets that of a leader which is none any more',
      1,
      (a) => {
        a.sends('c', asks(3))
        a.receives('b', beat(1))
      },
    ],
  ] satisfies [string, number, (a: StoryProcess, story: Story) => void][])(
    'holds for a follower %s',
    (_what, evaluations, then) => {
      expect(judge(readsBeforeAccusing, stalled(then))).toBe(evaluations)
    },
  )

  it('fails for a follower that stands with the heartbeat in its socket', () => {
    const accuses = stalled((a) => {
      a.sends('c', asks())
      a.receives('b', beat(1))
    })
    expect(() => judge(readsBeforeAccusing, accuses)).toThrow(
      /a \(run 1\) stood still, and stands against b at 1000/,
    )
  })
})
