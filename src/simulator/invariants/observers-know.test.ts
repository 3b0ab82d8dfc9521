import { describe, expect, it } from 'vitest'
import { observersKnow } from './observers-know.ts'
import { judge, type Story, type StoryProcess } from './testing/story.ts'

const long = 60_000
const options = { protocol: 'paxos' } as const

function healed(story: Story): StoryProcess {
  const a = story.process('a')
  story.heals(['a', 'b', 'c'])
  return a
}

describe('observers-know', () => {
  it('holds for who knows the leader of long, and for who knows that there is none', () => {
    const story = (story: Story): void => {
      const a = healed(story)
      a.isElected(7n)
      a.observes(1, { is: 'led', id: 'a', token: 7n, metadata: {} })
      a.observes(2, { is: 'vacant' }, 'mail')
      story.passes(long)
    }
    expect(judge(observersKnow, story, options)).toBe(2)
  })

  it('says nothing soon after a change, and of an election that somebody waits for', () => {
    const story = (story: Story): void => {
      const a = healed(story)
      a.observes(1, { is: 'vacant' })
      a.observes(2, { is: 'unknown', reason: 'nobody answers' }, 'mail')
      a.campaigns({ election: 'mail' })
      story.passes(long)
      a.isElected(7n)
    }
    expect(judge(observersKnow, story, options)).toBe(0)
  })

  it('fails for who believes in an older leader, in none, or in one that is gone', () => {
    const older = (story: Story): void => {
      const a = healed(story)
      a.isElected(7n)
      a.observes(1, { is: 'led', id: 'a', token: 6n, metadata: {} })
      story.passes(long)
    }
    expect(() => judge(observersKnow, older, options)).toThrow(
      /led by a with 7 .*believes at 60000: led by a with 6/,
    )
    const none = (story: Story): void => {
      const a = healed(story)
      a.isElected(7n)
      a.observes(1, { is: 'vacant' })
      story.passes(long)
    }
    expect(() => judge(observersKnow, none, options)).toThrow(/believes at 60000: vacant/)
    const gone = (story: Story): void => {
      const a = healed(story)
      const leadership = a.isElected(7n)
      a.observes(1, { is: 'led', id: 'a', token: 7n, metadata: {} })
      leadership.ends('resigned')
      story.passes(long)
    }
    expect(() => judge(observersKnow, gone, options)).toThrow(/'billing' is vacant since 0/)
  })
})
