import { describe, expect, it } from 'vitest'
import { LogStory, open, withdrawal } from './testing/log-story.ts'
import { judge, support, type Story } from './testing/story.ts'
import { withdrawalAfterSilence } from './withdrawal-after-silence.ts'

const keepalive = support({ type: 'keepalive', session: 'x', epoch: 1, sequence: 1 })

/** b hears x at 500 and withdraws at `at`. */
const withdrawing = (at: number, supersededAt?: number) => (story: Story) => {
  const [a, b] = [story.process('a'), story.process('b')]
  const log = new LogStory(a, b)
  log.decides(open('x'))
  if (supersededAt !== undefined) log.decides(open('x', 'younger'))
  story.passes(500)
  b.receives('a', keepalive)
  story.passes(at - 500)
  b.appends(withdrawal('x', 1))
}

describe('withdrawal-after-silence', () => {
  it('holds when the voter heard nothing for a lease, and when the session was superseded', () => {
    expect(judge(withdrawalAfterSilence, withdrawing(1500))).toBe(1)
    expect(judge(withdrawalAfterSilence, withdrawing(1499, 0))).toBe(1)
  })

  it('fails a moment earlier', () => {
    expect(() => judge(withdrawalAfterSilence, withdrawing(1499))).toThrow(
      /b \(run 1\) withdraws from x in epoch 1 at 1499, and heard it at 500; the lease is 1000 ms/,
    )
  })

  it('fails for a sponsor that withdraws from what it relays itself', () => {
    const relaying = (story: Story): void => {
      const a = story.process('a')
      new LogStory(a).decides(open('x'))
      story.passes(2000)
      a.sends('b', keepalive)
      a.appends(withdrawal('x', 1))
    }
    expect(() => judge(withdrawalAfterSilence, relaying)).toThrow(/heard it at 2000/)
  })

  it('knows that a sponsor which stood still while it relayed heard the session before that', () => {
    const relaying =
      (silentMs: number, again = false) =>
      (story: Story): void => {
        const a = story.process('a')
        new LogStory(a).decides(open('x'))
        story.passes(2000)
        a.sends('b', keepalive)
        story.passes(silentMs)
        a.happens({ type: 'fault', fault: 'goes on' })
        a.sends('c', keepalive)
        if (again) a.sends('b', keepalive)
        a.appends(withdrawal('x', 1))
      }
    expect(judge(withdrawalAfterSilence, relaying(1000))).toBe(1)
    expect(() => judge(withdrawalAfterSilence, relaying(999))).toThrow(/at 2999, and heard it at 2000/)
    expect(() => judge(withdrawalAfterSilence, relaying(1000, true))).toThrow(/at 3000, and heard it at 3000/)
  })

  it('fails for a voter that counts silence from before its own start', () => {
    const young = (story: Story): void => {
      const a = story.process('a')
      new LogStory(a).decides(open('x'))
      a.crashes()
      story.passes(5000)
      a.startsAgain()
      story.passes(999)
      a.appends(withdrawal('x', 1))
    }
    expect(() => judge(withdrawalAfterSilence, young)).toThrow(/runs only since 5000/)
  })

  it('fails for a session that no entry opened', () => {
    expect(() =>
      judge(withdrawalAfterSilence, (story) => {
        story.process('a').appends(withdrawal('ghost', 1))
      }),
    ).toThrow(/no entry opened that session/)
  })
})
