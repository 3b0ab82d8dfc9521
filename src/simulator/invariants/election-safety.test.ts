import { describe, expect, it } from 'vitest'
import { electionSafety } from './election-safety.ts'
import { judge } from './testing/story.ts'

describe('election-safety', () => {
  it('holds for one leader a term', () => {
    const evaluations = judge(electionSafety, (story) => {
      story.process('a').leads(1)
      story.process('b').leads(2)
    })
    expect(evaluations).toBe(2)
  })

  it('fails for two leaders of one term, however far apart in time', () => {
    expect(() =>
      judge(electionSafety, (story) => {
        const a = story.process('a')
        a.leads(7)
        a.crashes()
        story.passes(60_000)
        story.process('b').leads(7)
      }),
    ).toThrow(/term 7 is led by a \(run 1\) since 0 and by b \(run 1\) since 60000/)
  })

  it('fails for a leader that restarts and leads its old term again', () => {
    expect(() =>
      judge(electionSafety, (story) => {
        const a = story.process('a')
        a.leads(7)
        a.crashes()
        a.startsAgain()
        a.leads(7)
      }),
    ).toThrow(/run 1.*run 2/)
  })
})
