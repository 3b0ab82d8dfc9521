import { candidate, fire, follower, leader, receive, sentTo } from '../../protocols/raft/testing/one-peer.ts'
import { expect, type Schedule } from './schedule.ts'

/** What keeps a cluster from standing still: silence in the wrong place is as bad as a wrong word. */
export const freedPeer: Schedule = {
  name: 'freed-peer',
  claim:
    'Nobody is stuck: old terms are answered, a leader that nobody answers steps down, the best log can win',
  run() {
    // etcd TestFreeStuckCandidateWithCheckQuorum: alone in a higher term, heard by the leader of a lower one.
    const ahead = candidate({ term: 6 })
    const heard = receive(ahead, 'b', { type: 'heartbeat', term: 2, commit: 0, round: 1, successors: [] })
    expect(
      sentTo(heard, 'b').some(({ term }) => term === ahead.term),
      'a heartbeat of an older term gets no answer',
    )
    const asked = receive(follower({ term: 6 }), 'b', {
      type: 'pre-vote',
      term: 3,
      lastIndex: 0,
      lastTerm: 0,
    })
    expect(
      sentTo(asked, 'b').some(({ term }) => term === 6),
      'a pre-vote of an older term gets no answer',
    )
    const alone = leader()
    fire(alone, 'election')
    fire(alone, 'election')
    expect(alone.role.name !== 'leader', 'a leader that nobody answers for two checks goes on')
    // Its log is shorter and newer.
    const longer = follower({ terms: [1, 1, 1], term: 2 })
    const votes = receive(longer, 'b', { type: 'vote', term: 3, lastIndex: 2, lastTerm: 2, transfer: false })
    expect(
      sentTo(votes, 'b').some((reply) => reply.type === 'vote-reply' && reply.granted),
      'a log with a newer last term gets no vote because it is shorter',
    )
  },
}
