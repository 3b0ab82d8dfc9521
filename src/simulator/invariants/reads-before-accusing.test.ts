import { describe, expect, it } from 'vitest'
import { readsBeforeAccusing } from './reads-before-accusing.ts'
import { judge, raft, type Story, type StoryProcess } from './testing/story.ts'

const asks = raft({ type: 'pre-vote', term: 2, lastIndex: 1, lastTerm: 1 })
const beat = (term: number) => raft({ type: 'heartbeat', term, commit: 0, round: 1, successors: [] })

/** a stands still for a second. */
const stalled = (then: (a: StoryProcess, story: Story) => void) => (story: Story) => {
  const a = story.process('a')
  a.happens({ type: 'fault', fault: 'stall' })
  story.passes(1000)
  then(a, story)
}

describe('reads-before-accusing', () => {
  it('holds for who reads first, then asks', () => {
    const reads = stalled((a) => {
      a.receives('b', beat(1))
      a.sends('c', asks)
      a.receives('b', beat(1))
    })
    expect(judge(readsBeforeAccusing, reads)).toBe(1)
  })

  it('holds where the heartbeat came only later, or from a leader that is none any more', () => {
    const later = stalled((a, story) => {
      a.sends('c', asks)
      story.passes(1)
      a.receives('b', beat(1))
    })
    expect(judge(readsBeforeAccusing, later)).toBe(1)
    const old = stalled((a) => {
      a.sends('c', asks)
      a.receives('b', beat(0))
    })
    expect(judge(readsBeforeAccusing, old)).toBe(1)
  })

  it('asks nothing of who did not stand still', () => {
    const awake = (story: Story): void => {
      const a = story.process('a')
      a.sends('c', asks)
      a.receives('b', beat(1))
    }
    expect(judge(readsBeforeAccusing, awake)).toBe(0)
  })

  it('fails for who accuses with the heartbeat in its socket', () => {
    const accuses = stalled((a) => {
      a.sends('c', asks)
      a.receives('b', beat(1))
    })
    expect(() => judge(readsBeforeAccusing, accuses)).toThrow(
      /a \(run 1\) stood still, and stands against b at 1000/,
    )
  })
})
