import type { Raft } from '../../protocols/raft/state.ts'
import {
  fire,
  follower,
  leader,
  receive,
  sentTo,
  stickyFollower,
} from '../../protocols/raft/testing/one-peer.ts'
import type { RaftMessage } from '../../protocols/raft/types.ts'
import { expect, expectEqual, type Schedule } from './schedule.ts'

/** A peer that hears nobody, and one that restarted, must not depose a leader whom a majority hears. */
export const disturbedLeader: Schedule = {
  name: 'disturbed-leader',
  claim:
    'Who hears a leader, leads, or has just started gives no vote away and takes over no term (Dissertation §4.2.3, §9.6)',
  run() {
    const hears = stickyFollower({ term: 3 })
    receive(hears, 'c', { type: 'heartbeat', term: 3, commit: 0, round: 1, successors: [] })
    refuses(hears, 'who hears a leader')
    refuses(stickyFollower({ term: 3 }), 'who has just started, and forgot whom it heard')
    const leads = leader({ term: 2 })
    refuses(leads, 'who leads')
    expectEqual(leads.role.name, 'leader', 'after it was asked for its vote')
    const asked = follower({ term: 3 })
    const answers = receive(asked, 'b', { type: 'pre-vote', term: 4, lastIndex: 0, lastTerm: 0 })
    expectEqual(asked.term, 3, 'the term of who was asked for a pre-vote')
    const [grant] = sentTo(answers, 'b')
    expect(grant?.term === 4, 'a granted pre-vote does not name the term that was asked about')
    const alone = follower({ term: 3 })
    fire(alone, 'election')
    expectEqual(alone.term, 3, 'the term of a peer that only asks whether it could win')
  },
}

function refuses(raft: Raft<string>, who: string): void {
  const { term } = raft
  const requests: RaftMessage<string>[] = [
    { type: 'pre-vote', term: term + 1, lastIndex: 9, lastTerm: term },
    { type: 'vote', term: term + 5, lastIndex: 9, lastTerm: term, transfer: false },
  ]
  for (const request of requests) {
    const granted = sentTo(receive(raft, 'b', request), 'b').some(
      (reply) => 'granted' in reply && reply.granted,
    )
    expect(!granted && raft.term === term, `${who} answers a ${request.type}`)
  }
}
