import { describe, expect, it } from 'vitest'
import { leaderAppendOnly } from './leader-append-only.ts'
import { entries, entry, hardState } from './testing/log-story.ts'
import { judge, type Story } from './testing/story.ts'

const leading = (story: Story) => {
  const a = story.process('a')
  a.writes(hardState(4, 'a'), entries(entry(1, 3), entry(2, 3)))
  a.leads(4)
  a.appends(entries(entry(3, 4)), entries(entry(4, 4), entry(5, 4)))
  return a
}

describe('leader-append-only', () => {
  it('holds for a leader that appends, and lets it overwrite once it follows in a newer term', () => {
    const evaluations = judge(leaderAppendOnly, (story) => {
      leading(story).appends(hardState(5), entries(entry(3, 5)))
    })
    expect(evaluations).toBe(2)
  })

  it('fails for a leader that overwrites its own log', () => {
    expect(() => judge(leaderAppendOnly, (story) => leading(story).appends(entries(entry(5, 4))))).toThrow(
      /a leads term 4 and writes entry 5 at 0; its log ends at 5/,
    )
  })

  it('fails for a leader that overwrites first and learns of the newer term later', () => {
    const late = (story: Story): void => {
      leading(story).appends(entries(entry(2, 5)), hardState(5))
    }
    expect(() => judge(leaderAppendOnly, late)).toThrow(/writes entry 2/)
  })
})
