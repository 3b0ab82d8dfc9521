import { describe, expect, it } from 'vitest'
import { withdrawal } from './testing/log-story.ts'
import { judge, support, type Story, type StoryProcess } from './testing/story.ts'
import { withdrawalBeforeAnswer } from './withdrawal-before-answer.ts'

const answer = support({ type: 'withdraw-answer', session: 'x', epoch: 3, voter: 'a' })
const refusal = (reason: 'withdrawn' | 'closed') =>
  support({ type: 'keepalive-refusal', session: 'x', epoch: 2, voter: 'a', reason })
const alone = (tell: (a: StoryProcess) => void) => (story: Story) => tell(story.process('a'))

describe('withdrawal-before-answer', () => {
  it('holds when the record is durable, and asks nothing of another refusal', () => {
    const fine = alone((a) => {
      a.sends('b', refusal('closed'))
      a.writes(withdrawal('x', 3))
      a.sends('b', answer)
      a.sends('b', refusal('withdrawn'))
    })
    expect(judge(withdrawalBeforeAnswer, fine)).toBe(2)
  })

  it.each([
    ['an answer', answer],
    ['a refusal', refusal('withdrawn')],
  ])('fails for %s before the record is durable', (_what, message) => {
    const early = alone((a) => {
      a.appends(withdrawal('x', 3))
      a.sends('b', message)
    })
    expect(() => judge(withdrawalBeforeAnswer, early)).toThrow(
      /x in epoch \d to b at 0; its disk has withdrawn nothing/,
    )
  })

  it('fails for an answer about an epoch that was not withdrawn', () => {
    const other = alone((a) => {
      a.writes(withdrawal('x', 2))
      a.sends('b', answer)
    })
    expect(() => judge(withdrawalBeforeAnswer, other)).toThrow(/epoch 3 to b at 0; its disk has withdrawn 2/)
  })
})
