import { describe, expect, it } from 'vitest'
import { everythingSettles } from './everything-settles.ts'
import { judge, type Story, type StoryAttempt } from './testing/story.ts'

/** In a core that is whole a calls something; then a minute passes. */
const calling =
  (call: (leadership: StoryAttempt) => void, core: readonly string[] = ['a']) =>
  (story: Story): void => {
    const a = story.process('a')
    story.heals(core)
    if (core.includes('a')) a.leads(1)
    call(a.isElected(5n))
    story.passes(60_000)
  }

describe('everything-settles', () => {
  it('holds for what is answered', () => {
    const answered = (one: StoryAttempt): void => {
      one.does('proclaim')
      one.hasDone('proclaimed')
      one.does('resign')
      one.hasDone('resigned')
      one.by.happens({ type: 'close', candidate: 'a' })
      one.by.happens({ type: 'closed', candidate: 'a' })
      one.by.happens({ type: 'close-election', election: 7 })
      one.by.happens({ type: 'election-closed', election: 7 })
      const next = one.by.campaigns()
      next.isCancelled()
      next.isNotElected('CANCELLED')
    }
    expect(judge(everythingSettles, calling(answered))).toBe(5)
  })

  it.each([
    [
      'a resignation',
      (one) => one.does('resign'),
      /a \(run 1\): the resign of attempt 1, called at 0, is not answered/,
    ],
    ['a transfer', (one) => one.does('transfer'), /the transfer of attempt 1/],
    ['a proclamation', (one) => one.does('proclaim'), /the proclaim of attempt 1/],
    ['a cancellation', (one) => one.by.campaigns().isCancelled(), /the cancel of attempt 2/],
    [
      'the close of an election',
      (one) => one.by.happens({ type: 'close-election', election: 7 }),
      /the close of election 7/,
    ],
    ['a close', (one) => one.by.happens({ type: 'close', candidate: 'a' }), /the close of a in run 1 of a/],
  ] satisfies [string, (one: StoryAttempt) => void, RegExp][])(
    'fails for %s without an answer',
    (_what, call, message) => {
      expect(() => judge(everythingSettles, calling(call))).toThrow(message)
    },
  )

  it('asks nothing of a process that crashed, or is not of the core', () => {
    judge(
      everythingSettles,
      calling((one) => {
        one.does('resign')
        one.by.crashes()
      }),
    )
    judge(
      everythingSettles,
      calling((one) => one.does('resign'), ['b']),
    )
  })
})
