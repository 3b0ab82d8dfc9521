import { describe, expect, it } from 'vitest'
import type { LossReason } from '../../backends/backend.ts'
import { leadersStay } from './leaders-stay.ts'
import { judge, type Story } from './testing/story.ts'

/** a of the core leads, and loses that so long after the heal. */
function losesAfter(ms: number, reason: LossReason) {
  return (story: Story): void => {
    const a = story.process('a')
    story.heals(['a', 'b', 'c'])
    const leadership = a.isElected(7n)
    story.passes(ms)
    leadership.ends(reason)
  }
}

const options = { protocol: 'bully' } as const

describe('leaders-stay', () => {
  it('holds when a leader gives up by itself, and while the core settles', () => {
    expect(judge(leadersStay, losesAfter(60_000, 'resigned'), options)).toBe(1)
    expect(judge(leadersStay, losesAfter(100, 'expired'), options)).toBe(0)
  })

  it('fails when a lease runs out, or somebody overtakes, in a core that is whole for long', () => {
    for (const reason of ['expired', 'superseded'] as const)
      expect(() => judge(leadersStay, losesAfter(60_000, reason), options)).toThrow(
        new RegExp(`loses 'billing' at 60000: ${reason}`),
      )
  })

  it('says nothing of who is not of the core', () => {
    const story = (story: Story): void => {
      const d = story.process('d')
      story.heals(['a', 'b', 'c'])
      const leadership = d.isElected(7n)
      story.passes(60_000)
      leadership.ends('expired')
    }
    expect(judge(leadersStay, story, options)).toBe(0)
  })
})
