import { describe, expect, it } from 'vitest'
import { coreIsLed } from './core-is-led.ts'
import { judge, raft, type Story, type StoryProcess } from './testing/story.ts'

const beat = (a: StoryProcess, term: number): void =>
  a.sends('b', raft({ type: 'heartbeat', term, commit: 0, round: 1, successors: [] }))

/** a leads 2 s after the heal, and is heard up to `until`. */
const ledUntil = (until: number) => (story: Story) => {
  const a = story.process('a')
  story.heals(['a', 'b'])
  story.passes(2_000)
  a.leads(3)
  story.passes(until - 2_000)
  beat(a, 3)
  story.passes(60_000 - until)
}

describe('core-is-led', () => {
  it('holds for a leader that comes soon and stays', () => {
    expect(judge(coreIsLed, ledUntil(60_000))).toBe(1)
  })

  it('says nothing when the run ends too soon after the heal', () => {
    expect(
      judge(coreIsLed, (story) => {
        story.process('a')
        story.heals(['a'])
        story.passes(9_000)
      }),
    ).toBe(0)
  })

  it('fails when the leader falls silent', () => {
    expect(() => judge(coreIsLed, ledUntil(30_000))).toThrow(
      /the core \(a, b\) is whole since 0 and has no leader at 60000; a led last, at 30000/,
    )
  })

  it('fails when there never is one', () => {
    expect(() =>
      judge(coreIsLed, (story) => {
        story.heals(['a', 'b'])
        story.passes(60_000)
      }),
    ).toThrow(/nobody ever led/)
  })

  it('fails when the leader changes although nothing happens to the core', () => {
    const unrest = (isCore: boolean) => (story: Story) => {
      const [a, b, c] = [story.process('a'), story.process('b'), story.process('c')]
      story.heals(['a', 'b'])
      a.leads(3)
      story.passes(20_000)
      if (isCore) a.crashes()
      else c.crashes()
      b.leads(4)
      story.passes(5_000)
    }
    expect(judge(coreIsLed, unrest(true))).toBe(0)
    expect(() => judge(coreIsLed, unrest(false))).toThrow(
      /b leads term 4 at 20000, after a; the core \(a, b\)/,
    )
  })
})
