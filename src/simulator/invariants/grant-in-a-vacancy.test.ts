import { describe, expect, it } from 'vitest'
import { grantInAVacancy } from './grant-in-a-vacancy.ts'
import { batch, campaign, grant, LogStory, open, release } from './testing/log-story.ts'
import { judge, type Story } from './testing/story.ts'

const log = (tell: (log: LogStory) => void) => (story: Story) => tell(new LogStory(story.process('a')))

describe('grant-in-a-vacancy', () => {
  it('holds for a grant behind the release that made room', () => {
    const inOrder = log((story) => {
      const token = story.grants('x')
      story.decides(open('y'), batch('y', 1, campaign()), batch('x', 2, release(token)), grant('y'))
    })
    expect(judge(grantInAVacancy, inOrder)).toBe(2)
  })

  it('fails for a grant of what is held', () => {
    const held = log((story) => {
      story.grants('x')
      story.decides(open('y'), batch('y', 1, campaign()), grant('y'))
    })
    expect(() => judge(grantInAVacancy, held)).toThrow(
      /entry 6 grants 'billing' to y, but x holds it with 3; known at 0/,
    )
  })

  it('fails for a grant to somebody who does not wait', () => {
    expect(() =>
      judge(
        grantInAVacancy,
        log((story) => story.decides(open('y'), grant('y'))),
      ),
    ).toThrow(/entry 2 grants 'billing' to y, but y does not wait/)
  })
})
