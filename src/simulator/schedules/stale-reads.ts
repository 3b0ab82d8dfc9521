import { step } from '../../protocols/raft/step.ts'
import { acknowledge, fire, leader, receive, type Effects } from '../../protocols/raft/testing/one-peer.ts'
import { expect, expectEqual, type Schedule } from './schedule.ts'

/** A deposed leader, and a new one, do not know what is committed; a read must not be answered from what they believe. */
export const staleReads: Schedule = {
  name: 'stale-reads',
  claim: 'A read is answered as of its question, by a leader that was confirmed since (Dissertation §6.4)',
  run() {
    byTheNewLeader()
    byTheDeposedLeader()
  },
}

function byTheNewLeader(): void {
  const raft = leader({ terms: [1, 1] })
  const effects = [...step(raft, { type: 'read', id: 1 })]
  for (const peer of ['b', 'c']) effects.push(...echo(raft, peer, 1))
  expectEqual(readyAt(effects), [], 'reads answered before the no-op is committed')
  expectEqual(readyAt(acknowledge(raft, 'b')), [3], 'reads answered when it is')
}

function byTheDeposedLeader(): void {
  const raft = leader()
  for (const peer of ['b', 'c']) acknowledge(raft, peer)
  fire(raft, 'heartbeat')
  // Since then the others may have elected somebody; what they answered before says nothing about it.
  const effects = [...step(raft, { type: 'read', id: 1 }), ...echo(raft, 'b', 1), ...echo(raft, 'c', 1)]
  expectEqual(readyAt(effects), [], 'reads confirmed by a round that began before them')
  expect(readyAt(echo(raft, 'b', 2)).length === 1, 'the next round does not confirm the read')
}

function echo(raft: Parameters<typeof receive>[0], from: string, round: number): Effects {
  return receive(raft, from, {
    type: 'heartbeat-reply',
    term: raft.term,
    round,
    lastIndex: raft.log.entries.length,
  })
}

function readyAt(effects: Effects): number[] {
  return effects.flatMap((effect) => (effect.type === 'read-ready' ? [effect.index] : []))
}
