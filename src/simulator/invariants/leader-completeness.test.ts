import { describe, expect, it } from 'vitest'
import { leaderCompleteness } from './leader-completeness.ts'
import { entries, entry, hardState } from './testing/log-story.ts'
import { judge, type Story } from './testing/story.ts'

const first = entry(1, 1)
const second = entry(2, 1)

const afterTerm1 = (story: Story) => {
  const [a, b] = [story.process('a'), story.process('b')]
  a.writes(hardState(1, 'a'), entries(first, second))
  a.leads(1)
  b.writes(hardState(1), entries(first, second))
  a.commits(first, second)
  return b
}

describe('leader-completeness', () => {
  it('holds for a leader that has all that was committed', () => {
    const evaluations = judge(leaderCompleteness, (story) => {
      const b = afterTerm1(story)
      b.writes(hardState(2, 'b'))
      b.leads(2)
    })
    expect(evaluations).toBe(1)
  })

  it('fails for a leader that lacks an entry', () => {
    expect(() =>
      judge(leaderCompleteness, (story) => {
        afterTerm1(story)
        const c = story.process('c')
        c.writes(hardState(2, 'c'), entries(first))
        c.leads(2)
      }),
    ).toThrow(/c leads term 2 at 0 without entry 2 of term 1, committed in term 1; it has none there/)
  })

  it('fails for a leader that had it, and lost it since it led before', () => {
    expect(() =>
      judge(leaderCompleteness, (story) => {
        const b = afterTerm1(story)
        b.writes(hardState(2, 'b'))
        b.leads(2)
        b.writes(hardState(3), entries(entry(2, 3)))
        b.leads(4)
      }),
    ).toThrow(/b leads term 4 at 0 without entry 2 of term 1.* one of term 3 there/)
  })

  it('fails for a leader that forgot it in a crash', () => {
    expect(() =>
      judge(leaderCompleteness, (story) => {
        const b = afterTerm1(story)
        b.leads(2)
        b.crashes()
        b.startsAgain(hardState(2, 'b'), entries(first))
        b.leads(3)
      }),
    ).toThrow(/b leads term 3/)
  })

  it('asks nothing of a leader that is elected late in an older term', () => {
    judge(leaderCompleteness, (story) => {
      const [a, b] = [story.process('a'), story.process('b')]
      a.writes(hardState(5, 'a'), entries(entry(1, 5)))
      a.commits(entry(1, 5))
      b.writes(hardState(4, 'b'))
      b.leads(4)
    })
  })
})
