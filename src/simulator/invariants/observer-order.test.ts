import { describe, expect, it } from 'vitest'
import { observerOrder } from './observer-order.ts'
import { batch, campaign, grant, LogStory, release } from './testing/log-story.ts'
import { judge, type Story, type StoryProcess } from './testing/story.ts'
import type { ObservedState } from '../../cluster/messages.ts'

const vacant: ObservedState = { is: 'vacant' }
const led = (token: bigint, id = 'x', metadata = {}): ObservedState => ({ is: 'led', id, token, metadata })

/** In the log: x leads with 3, proclaims, releases, and leads again with 7. */
const told =
  (...states: readonly ObservedState[]) =>
  (story: Story) => {
    const a = story.process('a')
    writeLog(a)
    for (const state of states) a.observes(1, state)
  }

function writeLog(a: StoryProcess): void {
  const log = new LogStory(a)
  const token = log.grants('x')
  log.decides(
    batch('x', 2, { type: 'proclaim', election: 'billing', token, metadata: { v: '2' } }),
    batch('x', 3, release(token)),
    batch('x', 4, campaign()),
    grant('x'),
  )
}

describe('observer-order', () => {
  it('holds for the whole story, for parts of it, and for a state that is told twice', () => {
    expect(judge(observerOrder, told(vacant, led(3n), led(3n, 'x', { v: '2' }), vacant, led(7n)))).toBe(5)
    expect(judge(observerOrder, told(led(3n), led(3n), led(7n)))).toBe(3)
    expect(judge(observerOrder, told(led(3n), { is: 'unknown', reason: 'cut off' }, vacant))).toBe(2)
  })

  it.each([
    [
      'a token that goes back',
      told(led(7n), led(3n)),
      /observer 1 of 'billing' at a is told: led by x with 3 .*, at 0/,
    ],
    ['metadata that go back', told(led(3n, 'x', { v: '2' }), led(3n)), /before: led by x with 3 \{"v":"2"\}/],
    ['a vacancy that is over', told(led(7n), vacant), /is told: vacant/],
    ['another leader', told(led(3n, 'y')), /is told: led by y with 3/],
    ['a leader that nobody granted', told(led(4n)), /is told: led by x with 4/],
  ])('fails for %s', (_what, tell, message) => {
    expect(() => judge(observerOrder, tell)).toThrow(message)
  })

  it('lets each observer be at a place of its own', () => {
    const two = (story: Story): void => {
      const a = story.process('a')
      writeLog(a)
      a.observes(1, led(7n))
      a.observes(2, led(3n))
    }
    expect(judge(observerOrder, two)).toBe(2)
  })
})
