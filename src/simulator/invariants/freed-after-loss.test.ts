import { describe, expect, it } from 'vitest'
import { freedAfterLoss } from './freed-after-loss.ts'
import { batch, LogStory, release } from './testing/log-story.ts'
import { judge, type Story, type StoryAttempt } from './testing/story.ts'

type Way = 'release' | 'expire' | 'suspect'

const freed = (way: Way, before: (leadership: StoryAttempt) => void) => (story: Story) => {
  const a = story.process('a')
  const log = new LogStory(a)
  const exclusivity = way === 'suspect' ? 'token' : 'time'
  const token = log.grants('a', exclusivity)
  const leadership = a.isElected(token, { exclusivity })
  before(leadership)
  log.decides(way === 'release' ? batch('a', 2, release(token)) : { type: way, session: 'a', epoch: 1 })
}

const isNotValid = (leadership: StoryAttempt): void => void (leadership.validUntil = 0)

describe('freed-after-loss', () => {
  it('holds for a release after the loss, and an expiry of who is not valid any more', () => {
    expect(
      judge(
        freedAfterLoss,
        freed('release', (leadership) => leadership.ends('resigned')),
      ),
    ).toBe(1)
    expect(judge(freedAfterLoss, freed('expire', isNotValid))).toBe(1)
  })

  it('lets a suspicion come too early', () => {
    expect(
      judge(
        freedAfterLoss,
        freed('suspect', () => undefined),
      ),
    ).toBe(0)
  })

  it('fails for an expiry of who is valid', () => {
    expect(() =>
      judge(
        freedAfterLoss,
        freed('expire', () => undefined),
      ),
    ).toThrow(/'billing' is expired at 0, and a as a with 3 is valid/)
  })

  it('fails for a release before the loss was told, even of who is not valid', () => {
    expect(() => judge(freedAfterLoss, freed('release', isNotValid))).toThrow(
      /'billing' is released at 0, and a as a with 3 was not told of its loss/,
    )
  })
})
