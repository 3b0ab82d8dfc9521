import { describe, expect, it } from 'vitest'
import { callbackDiscipline } from './callback-discipline.ts'
import { judge, type Story, type StoryProcess } from './testing/story.ts'

const alone = (tell: (a: StoryProcess, story: Story) => void) => (story: Story) =>
  tell(story.process('a'), story)

describe('callback-discipline', () => {
  it('holds for a life as it should be', () => {
    const life = alone((a, story) => {
      a.campaigns().isNotElected('TIMEOUT')
      const first = a.isElected(5n)
      first.isChecked(true)
      story.passes(10)
      first.ends('resigned')
      first.isChecked(false)
      a.isElected(6n).ends('expired')
      a.happens({ type: 'closed', candidate: 'a' })
    })
    expect(judge(callbackDiscipline, life)).toBeGreaterThan(7)
  })

  it('lets the next run of a process be elected although the last one never heard of its loss', () => {
    const crash = alone((a) => {
      a.isElected(5n)
      a.crashes()
      a.startsAgain()
      a.isElected(6n)
    })
    expect(judge(callbackDiscipline, crash)).toBe(2)
  })

  it('asks for no valid leadership of who stood still between the news and the first look', () => {
    const late = alone((a) => {
      a.happens({ type: 'fault', fault: 'goes on' })
      a.campaigns().isElected(5n, false)
    })
    expect(judge(callbackDiscipline, late)).toBe(1)
  })

  it.each([
    ['elected twice', /is elected at 0, but it was elected/, (a) => a.isElected(5n).isElected(6n)],
    [
      'elected, not valid',
      /is elected with 5 at 0, and not valid/,
      (a) => a.campaigns().isElected(5n, false),
    ],
    [
      'elected, not valid, long after it went on',
      /is elected with 5 at 1, and not valid/,
      (a, story) => {
        a.happens({ type: 'fault', fault: 'goes on' })
        story.passes(1)
        a.campaigns().isElected(5n, false)
      },
    ],
    ['valid in its abort listener', /valid in its abort listener/, (a) => a.isElected(5n).isAborted(true)],
    ['lost, never elected', /is lost at 0, but it was campaigning/, (a) => a.campaigns().isLost('expired')],
    [
      'lost, not aborted',
      /is lost at 0, but it was elected/,
      (a) => a.isElected(5n).isLost('expired', false),
    ],
    [
      'lost twice',
      /is lost at 0, but it was lost/,
      (a) => {
        const one = a.isElected(5n)
        one.ends('expired')
        one.isLost('expired')
      },
    ],
    [
      'refused after a win',
      /is not elected at 0, but it was elected/,
      (a) => a.isElected(5n).isNotElected('CANCELLED'),
    ],
    [
      'elected again before it was told of its loss',
      /before a \(run 1, attempt 1\) was told of its loss/,
      (a) => {
        a.isElected(5n)
        a.isElected(6n)
      },
    ],
    [
      'valid again',
      /valid again at 0, after it was over/,
      (a) => {
        const one = a.isElected(5n)
        one.isChecked(false)
        one.isChecked(true)
      },
    ],
    [
      'elected after the close',
      /is elected at 0, after a was closed/,
      (a) => {
        const one = a.campaigns()
        a.happens({ type: 'closed', candidate: 'a' })
        one.isElected(5n)
      },
    ],
  ] satisfies [string, RegExp, (a: StoryProcess, story: Story) => void][])(
    'fails when %s',
    (_what, message, tell) => {
      expect(() => judge(callbackDiscipline, alone(tell))).toThrow(message)
    },
  )
})
