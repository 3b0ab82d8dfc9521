import { describe, expect, it } from 'vitest'
import { handoverIsQuick } from './handover-is-quick.ts'
import { judge, type Story } from './testing/story.ts'

/** a leads in a core that is whole for long, b waits; a resigns, and b is elected after `ms`. */
const followed =
  (ms: number, before: (story: Story) => void = () => undefined) =>
  (story: Story): void => {
    const [a, b] = [story.process('a'), story.process('b')]
    const old = a.isElected(5n)
    const next = b.campaigns()
    story.heals(['a', 'b'])
    a.leads(1)
    story.passes(30_000)
    before(story)
    old.ends('resigned')
    old.hasDone('resigned')
    story.passes(ms)
    next.isElected(6n)
  }

describe('handover-is-quick', () => {
  it('holds when the next follows within the lease', () => {
    expect(judge(handoverIsQuick, followed(999))).toBe(1)
  })

  it('fails when the next has to wait for the lease', () => {
    expect(() => judge(handoverIsQuick, followed(1_000))).toThrow(
      /a resigned 'billing' at 30000, b waited; the next leads only at 31000/,
    )
  })

  it('holds when the next is elected before the answer to the resignation comes', () => {
    const story = (stage: Story): void => {
      const [a, b, c] = [stage.process('a'), stage.process('b'), stage.process('c')]
      const [old, next, last] = [a.isElected(5n), b.campaigns(), c.campaigns()]
      stage.heals(['a', 'b', 'c'])
      a.leads(1)
      stage.passes(30_000)
      old.ends('resigned')
      next.isElected(6n)
      old.hasDone('resigned')
      stage.passes(5_000)
      next.ends('resigned')
      last.isElected(7n)
    }
    expect(() => judge(handoverIsQuick, story)).not.toThrow()
  })

  it('asks it of an engine without a log where six round trips fit the lease, and nothing where they do not', () => {
    const late = followed(5_000)
    expect(() => judge(handoverIsQuick, late, { protocol: 'paxos', roundTripMs: 160 })).toThrow(/resigned/)
    expect(judge(handoverIsQuick, late, { protocol: 'paxos', roundTripMs: 170 })).toBe(0)
    expect(() => judge(handoverIsQuick, late, { roundTripMs: 170 })).toThrow(/resigned/)
  })

  it('asks nothing where somebody waits who is not whole, or has only come', () => {
    const stranger = (story: Story): void => void story.process('x').campaigns()
    expect(judge(handoverIsQuick, followed(5_000, stranger))).toBe(0)
  })
})
