import { describe, expect, it } from 'vitest'
import { observersAgree } from './observers-agree.ts'
import { LogStory } from './testing/log-story.ts'
import { judge, type Story } from './testing/story.ts'
import type { ObservedState } from '../../cluster/messages.ts'

const led = (token: bigint): ObservedState => ({ is: 'led', id: 'x', token, metadata: {} })

/** x leads with 3 in a core that is whole; a's observer is told `state`, and a minute passes. */
const told =
  (state: ObservedState, after: (story: Story) => void = () => undefined) =>
  (story: Story): void => {
    const a = story.process('a')
    story.heals(['a'])
    a.leads(1)
    new LogStory(a).grants('x')
    a.observes(1, state)
    story.passes(60_000)
    after(story)
  }

describe('observers-agree', () => {
  it('holds for an observer that knows', () => {
    expect(judge(observersAgree, told(led(3n)))).toBe(1)
  })

  it.each([
    [
      'that the election is vacant',
      { is: 'vacant' },
      /'billing' is held by x with 3 for 60000 ms at 60000; observer 1/,
    ],
    ['in an older leader', led(2n), /believes: led by x with 2/],
    ['nothing', { is: 'unknown', reason: 'cut off' }, /believes: unknown/],
  ] satisfies [string, ObservedState, RegExp][])(
    'fails for one that believes %s',
    (_what, state, message) => {
      expect(() => judge(observersAgree, told(state))).toThrow(message)
    },
  )

  it('asks nothing of one that stopped observing', () => {
    const gone = (story: Story): void => story.process('a').happens({ type: 'unobserved', observer: 1 })
    expect(judge(observersAgree, told({ is: 'vacant' }, gone))).toBe(0)
  })

  it('asks nothing where the Raft leader is one of the rest, whom not all of the core may reach', () => {
    const away = (story: Story): void => story.process('b').leads(2)
    expect(judge(observersAgree, told({ is: 'vacant' }, away))).toBe(0)
  })
})
