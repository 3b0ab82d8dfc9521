import { describe, expect, it } from 'vitest'
import { durableBeforeTold } from './durable-before-told.ts'
import { entries, entry, hardState } from './testing/log-story.ts'
import { judge, raft, type Story, type StoryProcess } from './testing/story.ts'

const voteReply = raft({ type: 'vote-reply', term: 4, granted: true })
const vote = raft({ type: 'vote', term: 4, lastIndex: 0, lastTerm: 0, transfer: false })
const ack = (matchIndex: number) => raft({ type: 'append-reply', term: 4, accepted: true, matchIndex })
const alone = (tell: (a: StoryProcess) => void) => (story: Story) => tell(story.process('a'))

describe('durable-before-told', () => {
  it('holds when every record is durable before its message', () => {
    const orderly = alone((a) => {
      a.sends('b', raft({ type: 'pre-vote', term: 4, lastIndex: 0, lastTerm: 0 }))
      a.writes(hardState(4, 'b'))
      a.sends('b', voteReply)
      a.writes(entries(entry(1, 4), entry(2, 4)))
      a.sends('b', ack(2))
      a.crashes()
      a.startsAgain(hardState(4, 'b'), entries(entry(1, 4)))
      a.sends('b', ack(1))
    })
    expect(judge(durableBeforeTold, orderly)).toBe(3)
  })

  it.each([
    [
      'a vote',
      /a \(run 1\), sending vote-reply to b at 0, speaks for term 4; its disk says 0/,
      (a) => {
        a.appends(hardState(4, 'b'))
        a.sends('b', voteReply)
      },
    ],
    [
      'a vote for another',
      /tells of a vote for c in term 4; its disk says b in 4/,
      (a) => {
        a.writes(hardState(4, 'b'))
        a.sends('c', voteReply)
      },
    ],
    [
      'its own vote',
      /tells of a vote for a in term 4; its disk says null/,
      (a) => {
        a.writes(hardState(4))
        a.sends('b', vote)
      },
    ],
    [
      'an entry',
      /acknowledges entry 2; its disk ends at 1/,
      (a) => {
        a.writes(hardState(4), entries(entry(1, 4)))
        a.appends(entries(entry(2, 4)))
        a.sends('b', ack(2))
      },
    ],
    [
      'what the crash took',
      /acknowledges entry 1; its disk ends at 0/,
      (a) => {
        a.writes(hardState(4))
        a.appends(entries(entry(1, 4)))
        a.crashes()
        a.startsAgain(hardState(4))
        a.sends('b', ack(1))
      },
    ],
  ] satisfies [string, RegExp, (a: StoryProcess) => void][])(
    'fails for %s told too early',
    (_what, message, tell) => {
      expect(() => judge(durableBeforeTold, alone(tell))).toThrow(message)
    },
  )
})
