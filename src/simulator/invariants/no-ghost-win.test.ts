import { describe, expect, it } from 'vitest'
import { noGhostWin } from './no-ghost-win.ts'
import { judge } from './testing/story.ts'

describe('no-ghost-win', () => {
  it('holds for a cancelled campaign that ends unelected, and for a signal that aborts after the win', () => {
    const evaluations = judge(noGhostWin, (story) => {
      const a = story.process('a')
      const cancelled = a.campaigns()
      cancelled.isCancelled()
      cancelled.isNotElected('CANCELLED')
      a.isElected(5n).isCancelled()
    })
    expect(evaluations).toBe(1)
  })

  it('fails for a win after the cancel', () => {
    expect(() =>
      judge(noGhostWin, (story) => {
        const campaign = story.process('a').campaigns()
        campaign.isCancelled()
        story.passes(80)
        campaign.isElected(5n)
      }),
    ).toThrow(/attempt 1 of a is elected with 5 at 80; it was cancelled at 0/)
  })
})
