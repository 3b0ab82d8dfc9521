import { describe, expect, it } from 'vitest'
import { fencedEffects } from './fenced-effects.ts'
import { judge, type Story } from './testing/story.ts'

/** a writes with 5, b with 9, then a once more. */
const writing =
  (last: boolean, middle = true) =>
  (story: Story) => {
    const old = story.process('a').isElected(5n, { exclusivity: 'token' })
    const young = story.process('b').isElected(9n, { exclusivity: 'token' })
    old.hasWritten(true)
    young.hasWritten(middle)
    old.hasWritten(last)
  }

describe('fenced-effects', () => {
  it('holds when the older token is turned away', () => {
    expect(judge(fencedEffects, writing(false))).toBe(2)
  })

  it('fails when it is accepted', () => {
    expect(() => judge(fencedEffects, writing(true))).toThrow(
      /a .* writes to 'billing' with 5 at 0 and is accepted; 9 was before/,
    )
  })

  it('fails when the newest is turned away', () => {
    expect(() => judge(fencedEffects, writing(false, false))).toThrow(/b .* with 9 at 0 and is turned away/)
  })
})
