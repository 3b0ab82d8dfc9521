import { describe, expect, it } from 'vitest'
import { endsByItself } from './ends-by-itself.ts'
import { judge, type Story, type StoryAttempt, type StoryProcess } from './testing/story.ts'

/** a leads until 100, and writes to its disk every 20 ms. The lease is 1000. */
const over =
  (at: (now: number, leadership: StoryAttempt, a: StoryProcess) => void) =>
  (story: Story): void => {
    const a = story.process('a')
    const leadership = a.isElected(5n)
    leadership.validUntil = 100
    for (; story.now < 800; story.passes(20)) {
      at(story.now, leadership, a)
      a.appends()
    }
  }

describe('ends-by-itself', () => {
  it('holds when the signal aborts soon after the deadline', () => {
    const ends = over((now, leadership) => {
      if (now === 120) leadership.ends('expired')
    })
    expect(judge(endsByItself, ends)).toBe(1)
  })

  it('counts from when a process runs again that stood still', () => {
    const stalled = over((now, leadership, a) => {
      if (now % 200 === 0 && now < 700) a.happens({ type: 'fault', fault: 'stall' })
      if (now === 720) leadership.ends('expired')
    })
    expect(judge(endsByItself, stalled)).toBe(1)
  })

  it('lets clocks that jumped be read one way and the other', () => {
    const jumped = over((now, leadership, a) => {
      if (now === 80) a.happens({ type: 'fault', fault: 'clock step' })
      if (now === 120) leadership.validUntil = 300
      if (now === 320) leadership.ends('suspended')
    })
    expect(judge(endsByItself, jumped)).toBe(1)
  })

  it('fails when the signal does not abort', () => {
    expect(() =>
      judge(
        endsByItself,
        over(() => undefined),
      ),
    ).toThrow(
      /a as a \(attempt 1\) in 'billing' with 5 is over since 100, and at \d+ its signal has not aborted/,
    )
  })

  it('fails when it is valid again', () => {
    const revived = over((now, leadership) => {
      if (now === 120) leadership.validUntil = 300
    })
    expect(() => judge(endsByItself, revived)).toThrow(/is valid again at 120; it was over at 100/)
  })
})
