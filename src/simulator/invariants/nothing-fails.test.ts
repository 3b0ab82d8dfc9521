import { describe, expect, it } from 'vitest'
import { nothingFails } from './nothing-fails.ts'
import { judge } from './testing/story.ts'

describe('nothing-fails', () => {
  it('holds for processes that start and crash', () => {
    expect(judge(nothingFails, (story) => story.process('a').crashes())).toBe(1)
  })

  it('fails for a step that throws', () => {
    expect(() =>
      judge(nothingFails, (story) => {
        story
          .process('a')
          .happens({ type: 'failed', during: 'a step of the protocol', error: new Error('oops') })
      }),
    ).toThrow(/a \(run 1\) failed during a step of the protocol at 0: Error: oops/)
  })

  it('fails for a rejection that nobody handles', () => {
    expect(() =>
      judge(nothingFails, (story) => {
        story.process('a').happens({ type: 'unhandled-rejection', error: 'oops' })
      }),
    ).toThrow(/did not handle a rejection at 0: oops/)
  })
})
