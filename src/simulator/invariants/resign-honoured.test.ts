import { describe, expect, it } from 'vitest'
import { resignHonoured } from './resign-honoured.ts'
import { judge, type Story, type StoryAttempt } from './testing/story.ts'

const leading = (tell: (leadership: StoryAttempt) => void) => (story: Story) =>
  tell(story.process('a').isElected(5n))

describe('resign-honoured', () => {
  it('holds for a loss before the answer and for ever', () => {
    const resigning = leading((one) => {
      one.ends('resigned')
      one.hasDone('resigned')
      one.isChecked(false)
    })
    expect(judge(resignHonoured, resigning)).toBe(2)
  })

  it('asks nothing of a transfer that was refused as a call', () => {
    expect(
      judge(
        resignHonoured,
        leading((one) => one.hasDone('transferred', 'INVALID_OPTIONS')),
      ),
    ).toBe(0)
  })

  it('fails for an answer before the loss was told', () => {
    expect(() =>
      judge(
        resignHonoured,
        leading((one) => one.hasDone('transferred')),
      ),
    ).toThrow(/a \(run 1, attempt 1\) has transferred at 0 \(done\), and was not told of its loss/)
  })

  it('fails for a leadership that is valid after it was resigned', () => {
    const undead = leading((one) => {
      one.ends('resigned')
      one.hasDone('resigned')
      one.isChecked(true)
    })
    expect(() => judge(resignHonoured, undead)).toThrow(/is valid at 0; it was given up at 0/)
  })
})
