import { describe, expect, it } from 'vitest'
import { coreCatchesUp } from './core-catches-up.ts'
import { entry } from './testing/log-story.ts'
import { judge, type Story } from './testing/story.ts'

/** a leads; the core is a and b; a commits twice, and b what `last` says. */
const following =
  (last: number, passesMs = 60_000) =>
  (story: Story): void => {
    const [a, b] = [story.process('a'), story.process('b')]
    story.heals(['a', 'b'])
    a.leads(1)
    a.commits(entry(1, 1), entry(2, 1))
    b.commits(...[entry(1, 1), entry(2, 1)].slice(0, last))
    story.passes(passesMs)
  }

describe('core-catches-up', () => {
  it('holds when everybody knows', () => {
    expect(judge(coreCatchesUp, following(2))).toBe(2)
  })

  it('asks nothing while the core may not have settled', () => {
    expect(judge(coreCatchesUp, following(1, 1000))).toBe(0)
  })

  it('asks nothing about what was committed just now', () => {
    const news = (story: Story): void => {
      following(1, 0)(story)
      story.passes(60_000)
      story.process('c').commits(entry(1, 1), entry(2, 1), entry(3, 1))
    }
    expect(() => judge(coreCatchesUp, news)).toThrow(/others of 2/)
    const fresh = (story: Story): void => {
      following(2)(story)
      story.process('c').commits(entry(1, 1), entry(2, 1), entry(3, 1))
    }
    expect(judge(coreCatchesUp, fresh)).toBe(2)
  })

  it('asks nothing of who is not of the core', () => {
    const outside = (story: Story): void => {
      const [a, b] = [story.process('a'), story.process('b')]
      story.heals(['a'])
      a.leads(1)
      a.commits(entry(1, 1), entry(2, 1))
      b.commits(entry(1, 1))
      story.passes(60_000)
    }
    expect(judge(coreCatchesUp, outside)).toBe(1)
  })

  it('fails for a peer that knows nothing since it started', () => {
    const restarted = (story: Story): void => {
      following(2, 0)(story)
      story.process('b')
      story.passes(60_000)
    }
    expect(() => judge(coreCatchesUp, restarted)).toThrow(/b \(run 1\) knows of commits up to 0/)
  })

  it('fails for a peer that was left behind', () => {
    expect(() => judge(coreCatchesUp, following(1))).toThrow(
      /b \(run 1\) knows of commits up to 1 at 60000, others of 2 for/,
    )
  })
})
