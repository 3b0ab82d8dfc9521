import { describe, expect, it } from 'vitest'
import { judge, type Story } from './testing/story.ts'
import { vacancyEnds } from './vacancy-ends.ts'

/** In a healed core a leads and crashes at 1000 while b waits; b is elected after `ms`. */
const elected =
  (ms: number, core: readonly string[] = ['a', 'b']) =>
  (story: Story): void => {
    const [a, b] = [story.process('a'), story.process('b')]
    a.isElected(5n)
    const waiting = b.campaigns()
    story.heals(core)
    story.passes(1_000)
    a.crashes()
    story.passes(ms)
    waiting.isElected(6n)
  }

describe('vacancy-ends', () => {
  // A lease of 1000, two election timeouts of 1000, and as grace ten heartbeats of 100, one election timeout and a
  // handshake of 2000.
  it('holds when the next one leads within its time', () => {
    expect(judge(vacancyEnds, elected(7_000))).toBe(1)
  })

  it('fails when it takes longer', () => {
    expect(() => judge(vacancyEnds, elected(7_001))).toThrow(
      /'billing' is vacant from 1000 to 8001, although b in b wait for it; the core is whole since 1000/,
    )
  })

  it('fails at the end when nobody ever leads', () => {
    const forgotten = (story: Story): void => {
      const b = story.process('b')
      story.heals(['b'])
      b.campaigns()
      story.passes(8_000)
    }
    expect(() => judge(vacancyEnds, forgotten)).toThrow(/is vacant from 0 to 8000/)
  })

  it('asks nothing for those who are not of the core, nor before the heal', () => {
    expect(judge(vacancyEnds, elected(60_000, ['a']))).toBe(0)
    const broken = (story: Story): void => {
      story.process('b').campaigns()
      story.passes(60_000)
    }
    expect(judge(vacancyEnds, broken)).toBe(0)
  })
})
