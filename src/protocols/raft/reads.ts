/** Linearizable reads without a log entry (ReadIndex, Dissertation §6.4). */
import { broadcastHeartbeat, confirmedRound } from './heartbeat.ts'
import type { Outbox } from './outbox.ts'
import type { Leader, Raft } from './state.ts'

/** Reads that may wait at once; one more fails, and its caller tries again. */
export const maxPendingReads = 16_384

export function onRead<Data>(raft: Raft<Data>, out: Outbox<Data>, id: number): void {
  const leader = raft.role
  if (leader.name !== 'leader' || leader.reads.length >= maxPendingReads) {
    out.effects.push({ type: 'read-failed', id })
    return
  }
  // Before the no-op is committed a new leader does not know what is; waiting for the no-op's index covers that.
  const index = Math.max(raft.commitIndex, leader.firstIndex)
  // Reads that come while a round is out share the next one: a round proves only what was true when it began.
  const roundIsOut =
    leader.reads.some((read) => read.round <= leader.round) && confirmedRound(raft, leader) < leader.round
  leader.reads.push({ id, index, round: leader.round + 1 })
  if (!roundIsOut) broadcastHeartbeat(raft, out, leader)
}

/** Answers the reads, oldest first, whose round and index are confirmed. */
export function answerReads<Data>(raft: Raft<Data>, out: Outbox<Data>, leader: Leader): void {
  if (leader.reads.length === 0) return
  const confirmed = confirmedRound(raft, leader)
  const isReady = (read: Leader['reads'][number]): boolean =>
    read.round <= confirmed && read.index <= raft.commitIndex
  const waiting = leader.reads.findIndex((read) => !isReady(read))
  const ready = waiting === -1 ? leader.reads : leader.reads.slice(0, waiting)
  for (const { id, index } of ready) out.effects.push({ type: 'read-ready', id, index })
  leader.reads = leader.reads.slice(ready.length)
  const newest = leader.reads.at(-1)
  if (newest !== undefined && newest.round > leader.round && confirmed >= leader.round) {
    broadcastHeartbeat(raft, out, leader)
  }
}
