import { describe, expect, it } from 'vitest'
import { neverInherits } from './never-inherits.ts'
import { batch, campaign, grant, LogStory, open } from './testing/log-story.ts'
import { judge } from './testing/story.ts'

const worker = { candidate: 'worker' }

describe('never-inherits', () => {
  it('holds when the second process of an id wins with a session of its own', () => {
    const evaluations = judge(neverInherits, (story) => {
      const [a, b] = [story.process('a'), story.process('b')]
      const log = new LogStory(a)
      a.isElected(log.grants('worker', 'time', 's1'), worker)
      log.decides(open('worker', 's2'), { type: 'expire', session: 's1', epoch: 1 })
      b.isElected(BigInt(log.decides(batch('s2', 1, campaign()), grant('s2'))), worker)
    })
    expect(evaluations).toBe(2)
  })

  it('fails when the next life of a process finds itself the leader of what the last one won', () => {
    expect(() =>
      judge(neverInherits, (story) => {
        const a = story.process('a')
        const token = new LogStory(a).grants('worker', 'time', 's1')
        a.isElected(token, worker)
        a.crashes()
        a.startsAgain()
        a.isElected(token, worker)
      }),
    ).toThrow(
      /a as worker \(run 2, attempt 2\) is elected with 3 at 0, .* session of a as worker \(run 1, attempt 1\)/,
    )
  })

  it('fails when a superseded session is granted something', () => {
    expect(() =>
      judge(neverInherits, (story) => {
        const log = new LogStory(story.process('a'))
        log.decides(open('worker', 's1'), batch('s1', 1, campaign()), open('worker', 's2'), grant('s1'))
      }),
    ).toThrow(/entry 4 grants 'billing' to s1, known at 0; a newer session of its id had superseded it/)
  })
})
