import { describe, expect, it } from 'vitest'
import { committedIsDurable } from './committed-is-durable.ts'
import { entries, entry } from './testing/log-story.ts'
import { judge } from './testing/story.ts'

const first = entry(1, 1)

describe('committed-is-durable', () => {
  it('holds for an entry on two disks of three', () => {
    const evaluations = judge(committedIsDurable, (story) => {
      const [a, b] = [story.process('a'), story.process('b')]
      a.writes(entries(first))
      b.writes(entries(first))
      a.commits(first)
      b.commits(first)
    })
    expect(evaluations).toBe(1)
  })

  it('fails when the leader counts a disk that has not answered', () => {
    expect(() =>
      judge(committedIsDurable, (story) => {
        const [a, b] = [story.process('a'), story.process('b')]
        a.appends(entries(first))
        b.writes(entries(first))
        a.commits(first)
      }),
    ).toThrow(/a takes entry 1 of term 1 for committed at 0; it was on b, of 3 voters/)
  })

  it('fails when what is counted is an entry of another term, or of a stranger', () => {
    expect(() =>
      judge(committedIsDurable, (story) => {
        const [a, b, x] = [story.process('a'), story.process('b'), story.process('x')]
        a.writes(entries(first))
        b.writes(entries(entry(1, 2)))
        x.writes(entries(first))
        a.commits(first)
      }),
    ).toThrow(/it was on a, of 3/)
  })
})
