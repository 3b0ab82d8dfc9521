import { describe, expect, it } from 'vitest'
import { suspectSparesTime } from './suspect-spares-time.ts'
import { batch, campaign, grant, LogStory, open } from './testing/log-story.ts'
import { judge, type Story } from './testing/story.ts'

const suspected = (exclusivity: 'time' | 'token', expired: boolean) => (story: Story) => {
  const log = new LogStory(story.process('a'))
  log.grants('x', exclusivity)
  log.decides(open('y'), batch('y', 1, campaign(exclusivity)))
  log.decides({ type: 'suspect', session: 'x', epoch: 1 })
  if (expired) log.decides({ type: 'expire', session: 'x', epoch: 1 })
  log.decides(grant('y'))
}

describe('suspect-spares-time', () => {
  it('holds when the expiry comes before the next grant', () => {
    expect(judge(suspectSparesTime, suspected('time', true))).toBe(1)
  })

  it('says nothing about token mode', () => {
    expect(judge(suspectSparesTime, suspected('token', false))).toBe(0)
  })

  it('fails when a suspicion alone makes room', () => {
    expect(() => judge(suspectSparesTime, suspected('time', false))).toThrow(
      /'billing' is in time mode and held with 3 by a suspect, and entry 7 grants it to y/,
    )
  })
})
