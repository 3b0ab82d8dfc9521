import { describe, expect, it } from 'vitest'
import { observersGoForward } from './observers-go-forward.ts'
import { accepts } from './testing/engine-story.ts'
import { judge, type Story } from './testing/story.ts'

const led = (id: string, token: bigint) => ({ is: 'led', id, token, metadata: {} }) as const

describe('observers-go-forward', () => {
  it('holds for states that were, in the order of their tokens', () => {
    const story = (story: Story): void => {
      const a = story.process('a')
      accepts([a], 'a', 7)
      a.observes(1, led('a', 7n))
      a.observes(1, { is: 'vacant' })
      a.observes(1, led('a', 7n))
      accepts([a], 'b', 9)
      a.observes(1, led('b', 9n))
      a.observes(2, led('a', 7n))
    }
    expect(judge(observersGoForward, story)).toBe(4)
  })

  it('fails for a smaller token after a greater one', () => {
    const story = (story: Story): void => {
      const a = story.process('a')
      accepts([a], 'a', 7)
      accepts([a], 'b', 9)
      a.observes(1, led('b', 9n))
      a.observes(1, led('a', 7n))
    }
    expect(() => judge(observersGoForward, story)).toThrow(/led by a with 7, after 9/)
  })

  it('fails for somebody who never had that token', () => {
    const story = (story: Story): void => {
      const a = story.process('a')
      accepts([a], 'a', 7)
      a.observes(1, led('b', 7n))
    }
    expect(() => judge(observersGoForward, story)).toThrow(/led by b with 7; that was given to a~1/)
  })
})
