import { describe, expect, it } from 'vitest'
import { exclusivity } from './exclusivity.ts'
import { judge, type Story } from './testing/story.ts'

/** a leads up to 1000 and is not told; b is elected at `at`. */
function successionAt(at: number, mode: 'time' | 'token' = 'time') {
  return (story: Story): void => {
    const [a, b] = [story.process('a'), story.process('b')]
    const old = a.isElected(5n, { exclusivity: mode })
    old.validUntil = 1000
    story.passes(at)
    b.isElected(9n, { exclusivity: mode })
  }
}

describe('exclusivity', () => {
  it('holds when the older leadership has run out, although nobody was told', () => {
    expect(judge(exclusivity, successionAt(1000))).toBe(1)
  })

  it('fails when the older one is valid a moment longer, and names both', () => {
    expect(() => judge(exclusivity, successionAt(999))).toThrow(
      /'billing' has two valid leaderships at 999: a as a .*token 5.* and b .*token 9/,
    )
  })

  it('says nothing about token mode, nor about two elections', () => {
    expect(judge(exclusivity, successionAt(10, 'token'))).toBe(0)
    const two = (story: Story): void => {
      story.process('a').isElected(5n)
      story.process('b').isElected(9n, { election: 'mail' })
    }
    expect(judge(exclusivity, two)).toBe(0)
  })

  it('fails when a leadership that ran out comes back while another is valid', () => {
    const revival = (story: Story): void => {
      const [a, b] = [story.process('a'), story.process('b')]
      const old = a.isElected(5n)
      old.validUntil = 1000
      story.passes(1200)
      b.isElected(9n)
      old.isChecked(true)
    }
    expect(() => judge(exclusivity, revival)).toThrow(/b as b .* and a /)
  })

  it('fails for two leaderships of one candidate id in two processes', () => {
    const twins = (story: Story): void => {
      story.process('a').isElected(5n, { candidate: 'worker' })
      story.process('b').isElected(9n, { candidate: 'worker' })
    }
    expect(() => judge(exclusivity, twins)).toThrow(/two valid leaderships/)
  })

  // Two clocks that count one lease of 1000 ms: the voter's runs fast, the holder's slow.
  const driftApart = (drift: number) => (story: Story) => {
    const { leaseMs, maxClockDrift, tickMs } = story.timing
    const [a, b] = [story.process('a'), story.process('b')]
    const old = a.isElected(5n)
    old.validUntil = (leaseMs * (1 - maxClockDrift) - tickMs) / (1 - drift)
    story.passes((leaseMs * (1 + maxClockDrift) + tickMs) / (1 + drift))
    b.isElected(9n)
  }

  it('holds while clocks drift as configured, and is seen to fail when they drift more', () => {
    expect(judge(exclusivity, driftApart(1e-3))).toBe(1)
    expect(() => judge(exclusivity, driftApart(1e-2))).toThrow(/two valid leaderships/)
  })
})
