import { describe, expect, it } from 'vitest'
import { releasedAfterLoss } from './released-after-loss.ts'
import { accepts, addressOf, isAsked, releases } from './testing/engine-story.ts'
import { judge, type Story, type StoryAttempt, type StoryProcess } from './testing/story.ts'

function elected(story: Story): readonly [StoryProcess, StoryProcess, StoryAttempt] {
  const [a, b] = [story.process('a'), story.process('b')]
  accepts([a, b], 'a', 7)
  return [a, b, a.isElected(7n)]
}

describe('released-after-loss', () => {
  it('holds when the leadership was lost before the release is asked for', () => {
    const story = (story: Story): void => {
      const [a, b, leadership] = elected(story)
      leadership.ends('resigned')
      releases(a, 'a', 7)
      releases(b, 'a', 7)
    }
    expect(judge(releasedAfterLoss, story)).toBe(2)
  })

  it('says nothing of the release of what the session had before', () => {
    const story = (story: Story): void => {
      const [, b] = elected(story)
      releases(b, 'a', 6)
    }
    expect(judge(releasedAfterLoss, story)).toBe(1)
  })

  it('fails while it is valid, and elsewhere until it was told of its loss', () => {
    const valid = (story: Story): void => {
      const [a] = elected(story)
      releases(a, 'a', 7)
    }
    expect(() => judge(releasedAfterLoss, valid)).toThrow(
      /a is asked to let go of 'billing' at 0, and a as a with 7 is valid/,
    )
    const untold = (story: Story): void => {
      const [, b, leadership] = elected(story)
      leadership.validUntil = 0
      releases(b, 'a', 8)
    }
    expect(() => judge(releasedAfterLoss, untold)).toThrow(/was not told of its loss/)
  })

  it('fails when a session that leads is closed', () => {
    const story = (story: Story): void => {
      const [, b] = elected(story)
      isAsked(b, addressOf('a'), { type: 'close' })
    }
    expect(() => judge(releasedAfterLoss, story)).toThrow(/is valid/)
  })
})
