import { describe, expect, it } from 'vitest'
import { stateMachineSafety } from './state-machine-safety.ts'
import { entry, open } from './testing/log-story.ts'
import { judge } from './testing/story.ts'

const first = entry(1, 1, open('x'))

describe('state-machine-safety', () => {
  it('holds for one log learned by all, again after a restart', () => {
    const evaluations = judge(stateMachineSafety, (story) => {
      const [a, b] = [story.process('a'), story.process('b')]
      a.commits(first, entry(2, 1))
      b.commits(entry(1, 1, open('x')))
      a.crashes()
      a.startsAgain()
      a.commits(first)
      a.commits(entry(2, 1))
    })
    expect(evaluations).toBe(5)
  })

  it.each([
    ['another command', entry(1, 1, open('y')), /b \(run 1\) learns .*"y".* of term 1 at 0/],
    ['another term', entry(1, 2, open('x')), /of term 1; b .* of term 2/],
    ['a gap', entry(3, 1), /b \(run 1\) learns entry 3 at 0, after 0/],
  ])('fails for %s', (_what, other, message) => {
    expect(() =>
      judge(stateMachineSafety, (story) => {
        story.process('a').commits(first)
        story.process('b').commits(other)
      }),
    ).toThrow(message)
  })

  it('fails for an entry learned twice', () => {
    expect(() =>
      judge(stateMachineSafety, (story) => {
        const a = story.process('a')
        a.commits(first)
        a.commits(first)
      }),
    ).toThrow(/learns entry 1 at 0, after 1/)
  })
})
