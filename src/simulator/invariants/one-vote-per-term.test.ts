import { describe, expect, it } from 'vitest'
import { oneVotePerTerm } from './one-vote-per-term.ts'
import { judge, raft, type Story } from './testing/story.ts'

const voteFor = (votedFor: string, term = 4) => ({ type: 'hard-state', term, votedFor }) as const
const granted = raft({ type: 'vote-reply', term: 4, granted: true })
const refused = raft({ type: 'vote-reply', term: 4, granted: false })

describe('one-vote-per-term', () => {
  it('holds for a vote that is repeated after a restart, and for another term', () => {
    const evaluations = judge(oneVotePerTerm, (story) => {
      const a = story.process('a')
      a.writes(voteFor('b'))
      a.sends('b', granted)
      a.sends('c', refused)
      a.crashes()
      a.startsAgain(voteFor('b'))
      a.sends('b', granted)
      a.writes(voteFor('c', 5))
    })
    expect(evaluations).toBeGreaterThan(3)
  })

  it('lets a vote be forgotten that was neither durable nor told', () => {
    judge(oneVotePerTerm, (story) => {
      const a = story.process('a')
      a.appends(voteFor('b'))
      a.crashes()
      a.startsAgain()
      a.writes(voteFor('c'))
      a.sends('c', granted)
    })
  })

  const forgetting =
    (...found: readonly ReturnType<typeof voteFor>[]) =>
    (story: Story) => {
      const a = story.process('a')
      a.writes(voteFor('b'))
      a.crashes()
      a.startsAgain(...found)
      a.sends('c', granted)
    }

  it('fails when a restart forgets a durable vote', () => {
    expect(() => judge(oneVotePerTerm, forgetting())).toThrow(
      /a \(run 2\) votes in term 4 for c at 0, and voted for b before/,
    )
  })

  it('fails when a vote was told before it was durable, and then forgotten', () => {
    expect(() =>
      judge(oneVotePerTerm, (story) => {
        const a = story.process('a')
        a.appends(voteFor('b'))
        a.sends('b', granted)
        a.crashes()
        a.startsAgain()
        a.writes(voteFor('c'))
      }),
    ).toThrow(/for c at 0, and voted for b/)
  })

  it('fails for two votes on their way to the disk', () => {
    expect(() =>
      judge(oneVotePerTerm, (story) => {
        const a = story.process('a')
        a.appends(voteFor('b'))
        a.appends(voteFor('c'))
      }),
    ).toThrow(/votes in term 4/)
  })

  it('counts asking for votes as a vote for oneself', () => {
    expect(() =>
      judge(oneVotePerTerm, (story) => {
        const a = story.process('a')
        a.sends('b', raft({ type: 'vote', term: 4, lastIndex: 0, lastTerm: 0, transfer: false }))
        a.sends('c', granted)
      }),
    ).toThrow(/for c at 0, and voted for a/)
  })
})
