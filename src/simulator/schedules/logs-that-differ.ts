import {
  acknowledge,
  entriesOf,
  fire,
  follower,
  leader,
  receive,
  sentTo,
  termsOf,
} from '../../protocols/raft/testing/one-peer.ts'
import { expect, expectEqual, type Schedule } from './schedule.ts'

/** A follower whose log has a tail that the leader does not know, and appends that come in the wrong order. */
export const logsThatDiffer: Schedule = {
  name: 'logs-that-differ',
  claim: 'A follower takes over, acknowledges and commits only what it shares with the leader (Raft §5.3)',
  run() {
    // It has a tail of term 1, the leader an entry of term 2 in its place.
    const raft = follower({ terms: [1, 1, 1], term: 2 })
    const refused = append(raft, 3, 2, [2])
    expect(
      refused?.type === 'append-reply' && !refused.accepted,
      'an append is taken behind an entry of another term',
    )
    const taken = append(raft, 1, 1, [])
    expect(
      taken?.type === 'append-reply' && taken.matchIndex === 1,
      'a tail is acknowledged that the append did not prove',
    )
    append(raft, 1, 1, [2, 2])
    append(raft, 1, 1, [2])
    expectEqual(termsOf(raft), [1, 2, 2], 'the log after a short append that came late')
    // A new leader's heartbeat must not commit the tail of a follower that it does not know.
    const leads = leader({ terms: [1, 1] })
    const told = [...acknowledge(leads, 'b'), ...fire(leads, 'heartbeat')]
    const toC = sentTo(told, 'c').filter(({ type }) => type === 'heartbeat')
    expect(
      toC.every((message) => message.type === 'heartbeat' && message.commit === 0),
      'a follower that acknowledged nothing is told to commit',
    )
    refusesWorseLogs()
  },
}

/** Of the two, the one that a majority may have acknowledged must not be overwritten by the other. */
function refusesWorseLogs(): void {
  for (const [lastIndex, lastTerm] of [
    [2, 2],
    [9, 1],
  ] as const) {
    const raft = follower({ terms: [1, 2, 2] })
    const effects = receive(raft, 'b', { type: 'vote', term: 3, lastIndex, lastTerm, transfer: false })
    const granted = sentTo(effects, 'b').some((reply) => reply.type === 'vote-reply' && reply.granted)
    expect(!granted, `a log that ends with ${lastIndex}/${lastTerm} gets the vote of one that ends with 3/2`)
  }
}

function append(
  raft: Parameters<typeof receive>[0],
  previousIndex: number,
  previousTerm: number,
  terms: readonly number[],
) {
  const entries = entriesOf(terms, previousIndex + 1)
  const effects = receive(raft, 'b', {
    type: 'append',
    term: 2,
    previousIndex,
    previousTerm,
    entries,
    commit: 0,
  })
  return sentTo(effects, 'b')[0]
}
