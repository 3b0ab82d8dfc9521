import { describe, expect, it } from 'vitest'
import { logMatching } from './log-matching.ts'
import { entries, entry, open } from './testing/log-story.ts'
import { judge } from './testing/story.ts'

describe('log-matching', () => {
  it('holds for logs that part at a term', () => {
    const evaluations = judge(logMatching, (story) => {
      const [a, b] = [story.process('a'), story.process('b')]
      a.appends(entries(entry(1, 1), entry(2, 1, open('x'))))
      b.appends(entries(entry(1, 1)))
      b.appends(entries(entry(2, 2, open('y'))))
      b.appends(entries(entry(2, 1, open('x'))))
      b.crashes()
      b.startsAgain(entries(entry(1, 1), entry(2, 2, open('y'))), entries(entry(2, 1, open('x'))))
    })
    expect(evaluations).toBe(5)
  })

  it('fails when one place and term has two contents', () => {
    expect(() =>
      judge(logMatching, (story) => {
        story.process('a').appends(entries(entry(1, 1, open('x'))))
        story.process('b').appends(entries(entry(1, 1, open('y'))))
      }),
    ).toThrow(/entry 1 of term 1 is .*"x".* at a \(run 1\), and .*"y".* at b \(run 1\), at 0/)
  })

  it('fails when one entry follows two', () => {
    expect(() =>
      judge(logMatching, (story) => {
        story.process('a').appends(entries(entry(1, 1), entry(2, 3)))
        story.process('b').appends(entries(entry(1, 2), entry(2, 3)))
      }),
    ).toThrow(/entry 2 of term 3 follows one of term 1 at a \(run 1\), and one of term 2 at b/)
  })

  it('fails when a disk gives back something else than it was given', () => {
    expect(() =>
      judge(logMatching, (story) => {
        const a = story.process('a')
        a.writes(entries(entry(1, 1, open('x'))))
        a.crashes()
        a.startsAgain(entries(entry(1, 1, open('z'))))
      }),
    ).toThrow(/"z".* at a \(run 2\)/)
  })
})
