import { describe, expect, it } from 'vitest'
import { preVoteFirst } from './pre-vote-first.ts'
import { judge, raft, type Story, type StoryProcess } from './testing/story.ts'

const grant = (term: number, granted = true) => raft({ type: 'pre-vote-reply', term, granted })
const vote = (term: number, transfer = false) =>
  raft({ type: 'vote', term, lastIndex: 1, lastTerm: 1, transfer })
const alone = (tell: (a: StoryProcess) => void) => (story: Story) => tell(story.process('a'))

describe('pre-vote-first', () => {
  it('holds where a majority, itself included, said yes for this very term, in whatever round', () => {
    const stands = alone((a) => {
      a.receives('b', grant(2))
      a.receives('b', grant(3))
      a.sends('b', vote(3))
      a.sends('c', vote(3))
    })
    expect(judge(preVoteFirst, stands)).toBe(2)
  })

  it('holds for requests that waited for the disk while others encouraged it to stand in a newer term', () => {
    const slow = alone((a) => {
      a.receives('b', grant(2))
      a.receives('b', grant(3))
      a.sends('b', vote(2))
    })
    expect(judge(preVoteFirst, slow)).toBe(1)
  })

  it('holds where the leader of the term before asked', () => {
    const asked = alone((a) => {
      a.receives('b', raft({ type: 'timeout-now', term: 2 }))
      a.sends('b', vote(3, true))
    })
    expect(judge(preVoteFirst, asked)).toBe(1)
  })

  it.each([
    ['nobody was asked', (a) => a.sends('b', vote(2))],
    [
      'one of five said it twice',
      (a) => {
        a.receives('b', grant(2))
        a.receives('b', grant(2))
        a.sends('b', vote(2))
      },
    ],
    [
      'it was for another term',
      (a) => {
        a.receives('b', grant(2))
        a.receives('c', grant(2))
        a.sends('b', vote(3))
      },
    ],
    [
      'they refused',
      (a) => {
        a.receives('b', grant(2, false))
        a.receives('c', grant(2, false))
        a.sends('b', vote(2))
      },
    ],
    [
      'it has restarted since',
      (a) => {
        a.receives('b', grant(2))
        a.receives('c', grant(2))
        a.crashes()
        a.startsAgain()
        a.sends('b', vote(2))
      },
    ],
  ] satisfies [string, (a: StoryProcess) => void][])('fails when %s', (_what, tell) => {
    expect(() => judge(preVoteFirst, alone(tell), { voters: ['a', 'b', 'c', 'd', 'e'] })).toThrow(
      /asks for votes in term \d at 0; of 5 voters only a/,
    )
  })

  it('fails when no leader asked', () => {
    expect(() =>
      judge(
        preVoteFirst,
        alone((a) => a.sends('b', vote(3, true))),
      ),
    ).toThrow(/as if the leader/)
  })
})
