import { describe, expect, it } from 'vitest'
import { supportedByMajority } from './supported-by-majority.ts'
import { LogStory } from './testing/log-story.ts'
import { judge, support, type Story } from './testing/story.ts'

const keepalive = (sequence: number) => support({ type: 'keepalive', session: 'a', epoch: 1, sequence })

/** a leads; its keepalive 1 leaves at 0 and is heard by b at 400. It checks itself at `at`. */
const checkedAt =
  (at: number, heardBy: 'b' | 'nobody' = 'b') =>
  (story: Story) => {
    const [a, b] = [story.process('a'), story.process('b')]
    const token = new LogStory(a).grants('a')
    const attempt = a.campaigns()
    a.sends('b', keepalive(1))
    a.sends('c', keepalive(1))
    story.passes(400)
    if (heardBy === 'b') b.receives('a', keepalive(1))
    attempt.isElected(token)
    story.passes(at - 400)
    attempt.isChecked(true)
  }

describe('supported-by-majority', () => {
  it('holds up to one lease after the keepalive was sent', () => {
    expect(judge(supportedByMajority, checkedAt(1000))).toBe(2)
  })

  it('fails when the deadline is counted from when it was heard', () => {
    expect(() => judge(supportedByMajority, checkedAt(1001))).toThrow(
      /a \(run 1, attempt 1\) says at 1001 that it leads 'billing' with 3; .* sent at: a 0, b 0, c -Infinity \(lease 1000 ms\)/,
    )
  })

  it('fails for a leader that nobody but its own voter hears', () => {
    expect(() => judge(supportedByMajority, checkedAt(500, 'nobody'))).toThrow(/sent at: a 0, b -Infinity/)
  })

  it('lets it go on with the next keepalive, and not by a repetition of the last', () => {
    const goingOn = (sequence: number) => (story: Story) => {
      const [a, b] = [story.process('a'), story.process('b')]
      const token = new LogStory(a).grants('a')
      a.sends('b', keepalive(1))
      b.receives('a', keepalive(1))
      story.passes(900)
      a.sends('b', keepalive(sequence))
      b.receives('a', keepalive(sequence))
      const attempt = a.isElected(token)
      story.passes(900)
      attempt.isChecked(true)
    }
    expect(judge(supportedByMajority, goingOn(2))).toBe(2)
    expect(() => judge(supportedByMajority, goingOn(1))).toThrow(/says at 1800/)
  })
})
