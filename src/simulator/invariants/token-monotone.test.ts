import { describe, expect, it } from 'vitest'
import { judge, type Story } from './testing/story.ts'
import { tokenMonotone } from './token-monotone.ts'

describe('token-monotone', () => {
  it('holds for growing tokens', () => {
    const growing = (story: Story): void => {
      story.process('a').isElected(5n)
      story.process('b').isElected(6n)
      story.process('c').isElected(1n, { election: 'mail' })
    }
    expect(judge(tokenMonotone, growing)).toBe(1)
  })

  it('fails when a later campaign wins with a smaller token', () => {
    const falling = (story: Story): void => {
      story.process('a').isElected(5n, { exclusivity: 'token' })
      story.process('b').isElected(4n, { exclusivity: 'token' })
    }
    expect(() => judge(tokenMonotone, falling)).toThrow(/do not grow: a .* had 5 at 0, b .* has 4 at 0/)
  })

  const lateNews = (exclusivity: 'time' | 'token') => (story: Story) => {
    const [a, b] = [story.process('a'), story.process('b')]
    const early = a.campaigns({ exclusivity })
    b.isElected(9n, { exclusivity })
    early.isElected(5n)
  }

  it('lets news of an older grant come late in token mode, and not in time mode', () => {
    expect(judge(tokenMonotone, lateNews('token'))).toBe(0)
    expect(() => judge(tokenMonotone, lateNews('time'))).toThrow(/do not grow/)
  })
})
