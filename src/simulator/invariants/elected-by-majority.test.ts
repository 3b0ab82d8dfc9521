import { describe, expect, it } from 'vitest'
import { electedByMajority } from './elected-by-majority.ts'
import { hardState } from './testing/log-story.ts'
import { judge } from './testing/story.ts'

describe('elected-by-majority', () => {
  it('holds with the votes of two of three, one of them found after a crash', () => {
    const evaluations = judge(electedByMajority, (story) => {
      const [a, b] = [story.process('a'), story.process('b')]
      b.appends(hardState(4, 'a'))
      b.crashes()
      b.startsAgain(hardState(4, 'a'))
      a.writes(hardState(4, 'a'))
      a.leads(4)
    })
    expect(evaluations).toBe(1)
  })

  it('fails when its own vote is not durable', () => {
    expect(() =>
      judge(electedByMajority, (story) => {
        const [a, b] = [story.process('a'), story.process('b')]
        b.writes(hardState(4, 'a'))
        a.appends(hardState(4, 'a'))
        a.leads(4)
      }),
    ).toThrow(/a leads term 4 at 0 with the votes of b, of 3 voters/)
  })

  it('fails for votes of another term, or for another', () => {
    expect(() =>
      judge(electedByMajority, (story) => {
        const [a, b, c] = [story.process('a'), story.process('b'), story.process('c')]
        a.writes(hardState(3, 'a'))
        b.writes(hardState(4, 'b'))
        c.writes(hardState(4, 'b'))
        a.leads(4)
      }),
    ).toThrow(/with no votes/)
  })
})
