import { describe, expect, it } from 'vitest'
import { heardByMajority } from './heard-by-majority.ts'
import { accepts, isKeptAlive } from './testing/engine-story.ts'
import { judge, type Story, type StoryAttempt, type StoryProcess } from './testing/story.ts'

/** a is elected at 0 by a keepalive of 0; the lease is 1000. */
function elected(story: Story): readonly [readonly StoryProcess[], StoryAttempt] {
  const voters = ['a', 'b', 'c'].map((id) => story.process(id))
  const [a] = voters as [StoryProcess]
  isKeptAlive(voters, 'a', 1)
  accepts(voters, 'a', 7)
  return [voters, a.isElected(7n)]
}

describe('heard-by-majority', () => {
  it('holds while a majority heard what was sent within the lease', () => {
    const story = (story: Story): void => {
      const [voters, leadership] = elected(story)
      story.passes(600)
      isKeptAlive(voters.slice(0, 2), 'a', 2)
      story.passes(900)
      leadership.isChecked(true)
    }
    expect(judge(heardByMajority, story)).toBe(2)
  })

  it('fails a lease after the last that a majority heard', () => {
    const story = (story: Story): void => {
      const [voters, leadership] = elected(story)
      story.passes(600)
      isKeptAlive(voters.slice(0, 1), 'a', 2)
      story.passes(401)
      leadership.isChecked(true)
    }
    expect(() => judge(heardByMajority, story)).toThrow(/a~1 was sent at: a 600, b 0, c 0/)
  })

  it('counts from when a keepalive was sent, not from when it was heard', () => {
    const story = (story: Story): void => {
      const [voters, leadership] = elected(story)
      isKeptAlive(voters.slice(0, 1), 'a', 2)
      story.passes(900)
      isKeptAlive(voters.slice(1), 'a', 2)
      story.passes(200)
      leadership.isChecked(true)
    }
    expect(() => judge(heardByMajority, story)).toThrow(/says at 1100 that it leads/)
  })
})
