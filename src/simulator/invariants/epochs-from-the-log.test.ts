import { describe, expect, it } from 'vitest'
import { epochsFromTheLog } from './epochs-from-the-log.ts'
import { LogStory, open } from './testing/log-story.ts'
import { judge, support } from './testing/story.ts'

const keepalive = (session: string, epoch: number, sequence = 1) =>
  support({ type: 'keepalive', session, epoch, sequence })

describe('epochs-from-the-log', () => {
  it('holds for the epoch of the open, and of a reopen', () => {
    const evaluations = judge(epochsFromTheLog, (story) => {
      const a = story.process('a')
      const log = new LogStory(a)
      log.decides(open('x'))
      a.sends('b', keepalive('x', 1, 1))
      a.sends('b', keepalive('x', 1, 2))
      log.decides({ type: 'reopen', session: 'x', epoch: 1 })
      a.sends('b', keepalive('x', 2, 3))
    })
    expect(evaluations).toBe(2)
  })

  it('fails for an epoch that nobody opened', () => {
    expect(() =>
      judge(epochsFromTheLog, (story) => {
        const a = story.process('a')
        new LogStory(a).decides(open('x'))
        a.sends('b', keepalive('x', 2))
      }),
    ).toThrow(/a relays a keepalive of x in epoch 2 at 0; no entry opened that/)
  })

  it("fails for another session's epoch", () => {
    expect(() =>
      judge(epochsFromTheLog, (story) => {
        const a = story.process('a')
        new LogStory(a).decides(open('x'), open('y'))
        a.sends('b', keepalive('y', 1))
      }),
    ).toThrow(/keepalive of y in epoch 1 at 0; no entry opened that/)
  })
})
