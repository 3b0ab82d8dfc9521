import { describe, expect, it } from 'vitest'
import { judge } from './testing/story.ts'
import { tokenUnique } from './token-unique.ts'

describe('token-unique', () => {
  it('holds for one token in two elections, and for growing tokens in one', () => {
    const evaluations = judge(tokenUnique, (story) => {
      const a = story.process('a')
      a.isElected(5n)
      a.isElected(6n)
      story.process('b').isElected(5n, { election: 'mail' })
    })
    expect(evaluations).toBe(3)
  })

  it('fails when two processes get one token', () => {
    expect(() =>
      judge(tokenUnique, (story) => {
        story.process('a').isElected(5n)
        story.process('b').isElected(5n)
      }),
    ).toThrow(/token 5 of 'billing' was a \(run 1, attempt 1\)'s, and at 0 is b \(run 1, attempt 2\)'s/)
  })

  it('fails when a process that restarted finds its old token again', () => {
    expect(() =>
      judge(tokenUnique, (story) => {
        const a = story.process('a')
        a.isElected(5n)
        a.crashes()
        a.startsAgain()
        a.isElected(5n)
      }),
    ).toThrow(/a \(run 2/)
  })
})
