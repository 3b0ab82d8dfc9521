import { describe, expect, it } from 'vitest'
import { stickyVoters } from './sticky-voters.ts'
import { judge, raft, type Story, type StoryProcess } from './testing/story.ts'

const beat = (term: number, round = 1) => raft({ type: 'heartbeat', term, commit: 0, round, successors: [] })
const echo = (term: number, round = 1) => raft({ type: 'heartbeat-reply', term, round, lastIndex: 0 })
const asks = (term: number, transfer = false) =>
  raft({ type: 'vote', term, lastIndex: 1, lastTerm: 1, transfer })
const gives = (term: number) => raft({ type: 'vote-reply', term, granted: true })
const wouldGive = (term: number) => raft({ type: 'pre-vote-reply', term, granted: true })

/** a hears b lead term 1 and answers. */
function hears(a: StoryProcess): void {
  a.receives('b', beat(1))
  a.sends('b', echo(1))
}

const alone = (tell: (a: StoryProcess, story: Story) => void) => (story: Story) => {
  const a = story.process('a')
  tell(a, story)
}

describe('sticky-voters', () => {
  it.each([
    [
      'a voter whose leader has been silent',
      (a, story) => {
        hears(a)
        story.passes(story.timing.electionTimeoutMs[0])
        a.sends('c', wouldGive(2))
        a.receives('c', asks(2))
        a.sends('c', gives(2))
      },
    ],
    [
      'a voter whose leader said that a shorter silence is suspicious',
      (a, story) => {
        const pulse = { intervalMs: 10, silenceMs: 50 }
        a.receives('b', raft({ type: 'heartbeat', term: 1, commit: 0, round: 1, successors: [], pulse }))
        a.sends('b', echo(1))
        story.passes(50)
        a.sends('c', wouldGive(2))
      },
    ],
    [
      'a voter whose leader is known to be dead',
      (a) => {
        hears(a)
        a.happens({ type: 'evidence', against: 'b' })
        a.sends('c', wouldGive(2))
      },
    ],
    [
      'a voter whose leader stands for election itself',
      (a) => {
        hears(a)
        a.receives('b', raft({ type: 'pre-vote', term: 2, lastIndex: 1, lastTerm: 1 }))
        a.sends('b', wouldGive(2))
      },
    ],
    [
      'a voter whose leader asked it to take over, and that failed to',
      (a) => {
        hears(a)
        a.receives('b', raft({ type: 'timeout-now', term: 1 }))
        a.sends('c', wouldGive(3))
      },
    ],
    [
      'a voter that tells an old leader of a newer term',
      (a) => {
        a.receives('b', beat(1, 0))
        a.sends('b', echo(2, 0))
        a.sends('c', wouldGive(3))
      },
    ],
    [
      'a voter that was asked in the name of the leader',
      (a) => {
        hears(a)
        a.receives('c', asks(2, true))
        a.sends('c', gives(2))
      },
    ],
    [
      'a voter that knows of a newer term',
      (a) => {
        hears(a)
        a.receives('c', raft({ type: 'append-reply', term: 3, accepted: false, matchIndex: 0 }))
        a.sends('c', wouldGive(4))
      },
    ],
    [
      'an answer that waited for the disk until a leader was heard',
      (a) => {
        a.receives('c', asks(1))
        hears(a)
        a.sends('c', gives(1))
      },
    ],
    [
      'an answer to an older heartbeat, which proves nothing',
      (a) => {
        a.receives('b', beat(1))
        a.sends('b', echo(2, 0))
        a.sends('c', wouldGive(3))
      },
    ],
    [
      'a voter that stood still while it heard its leader',
      (a) => {
        a.happens({ type: 'fault', fault: 'goes on' })
        hears(a)
        a.sends('c', wouldGive(2))
      },
    ],
    [
      'a leader that helped another one and led no more',
      (a) => {
        a.leads(1)
        a.sends('c', wouldGive(2))
        a.sends('b', beat(3))
      },
    ],
  ] satisfies [string, (a: StoryProcess, story: Story) => void][])('asks nothing of %s', (_what, tell) => {
    expect(judge(stickyVoters, alone(tell))).toBeGreaterThan(0)
  })

  it.each([
    [
      'a pre-vote is given to another',
      /a \(run 1\) gives c its pre-vote at 10, although it heard b lead term 1 at 0/,
      (a, story) => {
        hears(a)
        story.passes(10)
        a.sends('c', wouldGive(2))
      },
    ],
    [
      'a vote is given to another',
      /a \(run 1\) gives c its vote at 0/,
      (a) => {
        hears(a)
        a.receives('c', asks(2))
        a.sends('c', gives(2))
      },
    ],
    [
      'a vote is given after the time, for a request of before',
      /gives c its vote/,
      (a, story) => {
        hears(a)
        a.receives('c', asks(2))
        story.passes(2 * story.timing.electionTimeoutMs[1])
        a.sends('c', gives(2))
      },
    ],
    [
      'a voter that just began helps somebody',
      /although it began at 10/,
      (a, story) => {
        story.passes(10)
        a.recovers()
        a.sends('c', wouldGive(2))
      },
    ],
    [
      'a leader helps another and leads on',
      /a \(run 1\) still leads term 1 at 0, after it helped c to a newer one/,
      (a) => {
        a.leads(1)
        a.sends('c', wouldGive(2))
        a.sends('b', beat(1))
      },
    ],
  ] satisfies [string, RegExp, (a: StoryProcess, story: Story) => void][])(
    'fails when %s',
    (_what, message, tell) => {
      expect(() => judge(stickyVoters, alone(tell))).toThrow(message)
    },
  )
})
