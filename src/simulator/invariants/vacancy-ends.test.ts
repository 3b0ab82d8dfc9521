import { describe, expect, it } from 'vitest'
import { judge, type Story } from './testing/story.ts'
import { vacancyEnds } from './vacancy-ends.ts'

/** In a core that is whole for long a leads and loses at 60000, while b waits; b is elected after `ms`. */
const elected =
  (ms: number, core: readonly string[] = ['a', 'b']) =>
  (story: Story): void => {
    const [a, b] = [story.process('a'), story.process('b')]
    const old = a.isElected(5n)
    const waiting = b.campaigns()
    story.heals(core)
    a.leads(1)
    story.passes(60_000)
    old.ends('expired')
    story.passes(ms)
    waiting.isElected(6n)
  }

describe('vacancy-ends', () => {
  // A lease of 1000, two election timeouts of 1000, and as grace ten heartbeats of 100 and one election timeout.
  it('holds when the next one leads within its time', () => {
    expect(judge(vacancyEnds, elected(5_000))).toBe(1)
  })

  it('fails when it takes longer', () => {
    expect(() => judge(vacancyEnds, elected(5_001))).toThrow(
      /'billing' is vacant from 60000 to 65001, although b in b wait for it; the core is whole since 0/,
    )
  })

  // Ten election timeouts, a handshake of 2000 and a pause of 1500 more after the heal.
  it('fails at the end when nobody ever leads, and gives a core its time', () => {
    const forgotten = (ms: number) => (story: Story) => {
      const b = story.process('b')
      story.heals(['b'])
      b.leads(1)
      b.campaigns()
      story.passes(ms)
    }
    expect(judge(vacancyEnds, forgotten(18_500))).toBe(1)
    expect(() => judge(vacancyEnds, forgotten(18_501))).toThrow(/is vacant from 0 to 18501/)
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
