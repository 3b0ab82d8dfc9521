/** What is committed, and telling it (Raft §5.3, §5.4.2). */
import { quorumIndex } from '../quorum/majority.ts'
import { invariant } from './assert.ts'
import { sendHeartbeat } from './heartbeat.ts'
import { entriesBetween, lastIndex, termAt } from './log.ts'
import type { Outbox } from './outbox.ts'
import { durableIndex } from './state.ts'
import type { Leader, Raft } from './state.ts'

/** Everything up to `index` may be applied. */
export function commitUpTo<Data>(raft: Raft<Data>, out: Outbox<Data>, index: number): void {
  if (index <= raft.commitIndex) return
  invariant(
    index <= lastIndex(raft.log),
    `the leader says that '${raft.self}' acknowledged entry ${index}, but its log ends at ${lastIndex(raft.log)}: the disk lost what it had confirmed`,
  )
  const entries = entriesBetween(raft.log, raft.commitIndex + 1, index)
  raft.commitIndex = index
  out.effects.push({ type: 'commit', entries })
}

/**
 * Leader: counts copies on disk, ours included once it is durable. Only an entry of the own term is committed by
 * counting; the older ones before it are committed with it (Raft §5.4.2, Figure 8).
 */
export function advanceCommit<Data>(raft: Raft<Data>, out: Outbox<Data>, leader: Leader): void {
  const index = quorumIndex(raft.options.configuration, (peer) =>
    peer === raft.self ? durableIndex(raft) : (leader.progress.get(peer)?.match ?? 0),
  )
  if (index > raft.commitIndex && termAt(raft.log, index) === raft.term) commitUpTo(raft, out, index)
}

/** A follower that has a committed entry learns at once that it is: the winner of an election is waiting for that. */
export function pushCommit<Data>(raft: Raft<Data>, out: Outbox<Data>, leader: Leader): void {
  for (const [peer, progress] of leader.progress) {
    if (Math.min(raft.commitIndex, progress.match) <= progress.toldCommit) continue
    sendHeartbeat(raft, out, leader, peer, progress)
  }
}
