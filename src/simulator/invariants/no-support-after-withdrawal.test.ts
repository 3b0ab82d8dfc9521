import { describe, expect, it } from 'vitest'
import { noSupportAfterWithdrawal } from './no-support-after-withdrawal.ts'
import { withdrawal } from './testing/log-story.ts'
import { judge, support, type Story, type StoryProcess } from './testing/story.ts'

const ack = (epoch: number) =>
  support({ type: 'keepalive-ack', session: 'x', epoch, sequence: 9, voter: 'a', voterIncarnation: 1 })
const answer = support({ type: 'withdraw-answer', session: 'x', epoch: 3, voter: 'a' })
const alone = (tell: (a: StoryProcess) => void) => (story: Story) => tell(story.process('a'))

describe('no-support-after-withdrawal', () => {
  it('holds for acknowledgements before it, of a later epoch, and after a crash that took it untold', () => {
    const fine = alone((a) => {
      a.sends('b', ack(3))
      a.appends(withdrawal('x', 3))
      a.crashes()
      a.startsAgain()
      a.sends('b', ack(3))
      a.writes(withdrawal('x', 3))
      a.sends('b', ack(4))
    })
    expect(judge(noSupportAfterWithdrawal, fine)).toBe(1)
  })

  it.each([
    [
      'while the record is on its way to the disk',
      (a) => {
        a.appends(withdrawal('x', 3))
        a.sends('b', ack(3))
      },
    ],
    [
      'after a restart that read it',
      (a) => {
        a.writes(withdrawal('x', 3))
        a.crashes()
        a.startsAgain(withdrawal('x', 3))
        a.sends('b', ack(2))
      },
    ],
    [
      'after a restart that forgot it',
      (a) => {
        a.writes(withdrawal('x', 3))
        a.crashes()
        a.startsAgain()
        a.sends('b', ack(3))
      },
    ],
    [
      'after a restart that forgot it, told but never durable',
      (a) => {
        a.appends(withdrawal('x', 3))
        a.sends('b', answer)
        a.crashes()
        a.startsAgain()
        a.sends('b', ack(3))
      },
    ],
  ] satisfies [string, (a: StoryProcess) => void][])('fails for an acknowledgement %s', (_what, tell) => {
    expect(() => judge(noSupportAfterWithdrawal, alone(tell))).toThrow(
      /a \(run \d\) acknowledges keepalive 9 of x in epoch \d at 0, and withdrew epoch 3 before/,
    )
  })
})
