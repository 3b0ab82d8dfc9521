import { describe, expect, it } from 'vitest'
import { accepts, bullyWrote, voteFor } from './testing/engine-story.ts'
import { judge, type Story, type StoryProcess } from './testing/story.ts'
import { wonByMajority } from './won-by-majority.ts'

const three = (story: Story): readonly [StoryProcess, StoryProcess, StoryProcess] => [
  story.process('a'),
  story.process('b'),
  story.process('c'),
]

describe('won-by-majority', () => {
  it('holds for what two of three acceptors accepted, and for what two of three disks have a vote for', () => {
    const accepted = (story: Story): void => {
      const [a, b] = three(story)
      accepts([a, b], 'a', 7)
      a.isElected(7n)
    }
    expect(judge(wonByMajority, accepted)).toBe(1)
    const voted = (story: Story): void => {
      const [a, b] = three(story)
      for (const voter of [a, b]) voter.writes(bullyWrote(voteFor('a', 7)))
      a.isElected(7n)
    }
    expect(judge(wonByMajority, voted)).toBe(1)
  })

  it('fails for a token that one of three gave, or that is on its way to the disk', () => {
    const few = (story: Story): void => {
      const [a] = three(story)
      accepts([a], 'a', 7)
      a.isElected(7n)
    }
    expect(() => judge(wonByMajority, few)).toThrow(/elected in 'billing' with 7 .*of 3 peers .*a~1 by a/)
    const early = (story: Story): void => {
      const [a, b] = three(story)
      a.writes(bullyWrote(voteFor('a', 7)))
      b.appends(bullyWrote(voteFor('a', 7)))
      a.isElected(7n)
    }
    expect(() => judge(wonByMajority, early)).toThrow(/of 3 peers/)
  })

  it('fails when somebody else is told of it, be it under the same id', () => {
    const other = (story: Story): void => {
      const [a, b] = three(story)
      accepts([a, b], 'b', 7)
      a.isElected(7n)
    }
    expect(() => judge(wonByMajority, other)).toThrow(/gave that to b/)
    const heir = (story: Story): void => {
      const [a, b, c] = three(story)
      accepts([a, b], 'a', 7)
      a.isElected(7n)
      accepts([a, b], 'a', 9)
      c.isElected(9n, { candidate: 'a' })
    }
    expect(() => judge(wonByMajority, heir)).toThrow(/a~1 is the session of a/)
  })
})
