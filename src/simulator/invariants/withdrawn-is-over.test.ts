import { describe, expect, it } from 'vitest'
import { LogStory, withdrawal } from './testing/log-story.ts'
import { judge, type Story } from './testing/story.ts'
import { withdrawnIsOver } from './withdrawn-is-over.ts'

/** x leads, valid up to 1000, and is not told; b withdraws at 900 and c at `at`. */
const withdrawnAt =
  (at: number, reopened = false) =>
  (story: Story) => {
    const [a, b, c, x] = [story.process('a'), story.process('b'), story.process('c'), story.process('x')]
    const log = new LogStory(a)
    const leadership = x.isElected(log.grants('x'))
    leadership.validUntil = 1000
    story.passes(900)
    b.writes(withdrawal('x', 1))
    if (reopened) log.decides({ type: 'reopen', session: 'x', epoch: 1 })
    story.passes(at - 900)
    c.writes(withdrawal('x', 1))
  }

describe('withdrawn-is-over', () => {
  it('holds when the deadline has passed before the second of three withdraws', () => {
    expect(judge(withdrawnIsOver, withdrawnAt(1000))).toBe(1)
  })

  it('fails when it has not', () => {
    expect(() => judge(withdrawnIsOver, withdrawnAt(999))).toThrow(
      /'billing' is led validly by x as x with token 3 at 999, although b, c withdrew epoch 1 of x/,
    )
  })

  it('says nothing about the withdrawals of an epoch that the session has left', () => {
    expect(judge(withdrawnIsOver, withdrawnAt(950, true))).toBe(0)
  })
})
