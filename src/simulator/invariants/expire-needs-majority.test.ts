import { describe, expect, it } from 'vitest'
import { expireNeedsMajority } from './expire-needs-majority.ts'
import { entries, entry, withdrawal } from './testing/log-story.ts'
import { judge, type Story } from './testing/story.ts'

const expiry = entries(entry(9, 4, { type: 'expire', session: 'x', epoch: 3 }))

/** Each letter withdraws the epoch given; then a writes the expiry of epoch 3, and b has it from a. */
const withdrawnBy =
  (epochs: Record<string, number>, isDurable = true) =>
  (story: Story) => {
    const peers = ['a', 'b', 'c', 'x'].map((id) => story.process(id))
    for (const peer of peers) {
      const epoch = epochs[peer.id]
      if (epoch === undefined) continue
      const number = peer.appends(withdrawal('x', epoch))
      if (isDurable) peer.hasDurable(number)
    }
    peers[0]?.appends(expiry)
    peers[1]?.appends(expiry)
  }

describe('expire-needs-majority', () => {
  it('holds with two of three', () => {
    expect(judge(expireNeedsMajority, withdrawnBy({ b: 3, c: 3 }))).toBe(1)
  })

  it('holds when a crash came between, and the record was found again', () => {
    const evaluations = judge(expireNeedsMajority, (story) => {
      const [a, b] = [story.process('a'), story.process('b')]
      b.appends(withdrawal('x', 3))
      b.crashes()
      b.startsAgain(withdrawal('x', 3))
      a.writes(withdrawal('x', 3))
      a.appends(expiry)
    })
    expect(evaluations).toBe(1)
  })

  it.each([
    [
      'one of three',
      withdrawnBy({ b: 3 }),
      /a writes entry 9, the expiry of x in epoch 3, at 0; of 3 voters b withdrew/,
    ],
    ['two, one of an older epoch', withdrawnBy({ b: 3, c: 2 }), /of 3 voters b withdrew/],
    ['two, one of whom is no voter', withdrawnBy({ b: 3, x: 3 }), /of 3 voters b withdrew/],
    ['two that are not durable', withdrawnBy({ b: 3, c: 3 }, false), /of 3 voters nobody withdrew/],
  ])('fails with %s', (_what, tell, message) => {
    expect(() => judge(expireNeedsMajority, tell)).toThrow(message)
  })
})
