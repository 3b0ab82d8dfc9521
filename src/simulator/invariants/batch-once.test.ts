import { describe, expect, it } from 'vitest'
import { batchOnce } from './batch-once.ts'
import { batch, campaign, grant, LogStory, open } from './testing/log-story.ts'
import { judge, type Story } from './testing/story.ts'

const first = batch('x', 1, campaign())
const proposal = {
  kind: 'propose',
  proposal: { ...first, type: 'batch', session: 'x', number: 1, requests: [campaign()] },
} as const

/** x campaigns, leaves, and its campaign arrives a second time; `granted` is what comes of it. */
const retried = (granted: boolean) => (story: Story) => {
  const a = story.process('a')
  const log = new LogStory(a)
  log.decides(open('x'))
  a.sends('b', proposal)
  a.sends('c', proposal)
  log.decides(first, batch('x', 2, { type: 'leave', election: 'billing' }), first)
  if (granted) log.decides(grant('x'))
}

describe('batch-once', () => {
  it('holds when the repetition changes nothing', () => {
    expect(judge(batchOnce, retried(false))).toBe(1)
  })

  it('fails when the repetition makes a candidacy', () => {
    expect(() => judge(batchOnce, retried(true))).toThrow(
      /entry 5 grants 'billing' to x, known at 0; it does not wait, but a batch up to its 2th was repeated/,
    )
  })
})
