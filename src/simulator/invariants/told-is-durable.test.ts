import { describe, expect, it } from 'vitest'
import { accepts, bullyWrote, ceilingOf, grantedTo, tells, voteFor } from './testing/engine-story.ts'
import { judge, type Story } from './testing/story.ts'
import { toldIsDurable } from './told-is-durable.ts'

describe('told-is-durable', () => {
  it('holds for ballots below a durable ceiling, and for votes on the disk, also after a restart', () => {
    const paxos = (story: Story): void => {
      const a = story.process('a')
      a.writes(ceilingOf(100))
      accepts([a], 'b', 100)
      a.crashes()
      a.startsAgain(ceilingOf(100))
      accepts([a], 'b', 99)
    }
    expect(judge(toldIsDurable, paxos)).toBe(2)
    const bully = (story: Story): void => {
      const a = story.process('a')
      a.writes(bullyWrote(voteFor('b', 4)))
      tells(a, 'b', grantedTo('b', 4))
    }
    expect(judge(toldIsDurable, bully)).toBe(1)
  })

  it('fails for a ballot above the ceiling that is on the disk', () => {
    const early = (story: Story): void => {
      const a = story.process('a')
      a.writes(ceilingOf(100))
      a.appends(ceilingOf(200))
      accepts([a], 'b', 101)
    }
    expect(() => judge(toldIsDurable, early)).toThrow(
      /accepted of ballot 101 of e:billing; its disk says 100/,
    )
  })

  it('fails for votes, withdrawals and reopenings that are on their way to the disk', () => {
    const withdrawal = { session: 'b~1', epoch: 2 }
    const told = [
      [voteFor('b', 4), grantedTo('b', 4)],
      [
        { type: 'withdrawal', withdrawal },
        { type: 'withdraw-answer', ...withdrawal, voter: 'a' },
      ],
      [
        { type: 'reopened', withdrawal },
        { type: 'open-reply', ...withdrawal, is: 'open' },
      ],
    ] as const
    for (const [record, message] of told) {
      const early = (story: Story): void => {
        const a = story.process('a')
        const batch = a.appends(bullyWrote(record))
        tells(a, 'b', message)
        a.hasDurable(batch)
      }
      expect(() => judge(toldIsDurable, early), message.type).toThrow(/tells at 0 what its disk does not/)
    }
  })
})
