/** Heartbeats: proof of life, the commit index, and who should succeed. */
import { quorumIndex } from '../quorum/majority.ts'
import type { PeerId } from '../quorum/types.ts'
import { armTimer, send } from './outbox.ts'
import type { Outbox } from './outbox.ts'
import { heartbeatIntervalMs } from './state.ts'
import type { Leader, Progress, Raft } from './state.ts'

export function onHeartbeatTimer<Data>(raft: Raft<Data>, out: Outbox<Data>): void {
  if (raft.role.name !== 'leader') return
  for (const progress of raft.role.progress.values()) {
    progress.unheardBeats += 1
    progress.silentBeats = progress.inflight.length === 0 ? 0 : progress.silentBeats + 1
  }
  broadcastHeartbeat(raft, out, raft.role)
  const intervalMs = heartbeatIntervalMs(raft)
  armTimer(out, 'heartbeat', intervalMs, intervalMs)
}

/** Starts a new round: whoever answers it followed us after this moment. */
export function broadcastHeartbeat<Data>(raft: Raft<Data>, out: Outbox<Data>, leader: Leader): void {
  leader.round += 1
  leader.successors = successorsOf(raft, leader)
  for (const [peer, progress] of leader.progress) sendHeartbeat(raft, out, leader, peer, progress)
}

/** One more message in the present round. */
export function sendHeartbeat<Data>(
  raft: Raft<Data>,
  out: Outbox<Data>,
  leader: Leader,
  peer: PeerId,
  progress: Progress,
): void {
  // Never beyond what the follower is known to have: its log may still differ behind that (etcd raft.go, sendHeartbeat).
  const commit = Math.min(raft.commitIndex, progress.match)
  progress.toldCommit = commit
  const promise = raft.pulse?.promises.get(peer)
  send(raft, out, peer, {
    type: 'heartbeat',
    term: raft.term,
    commit,
    round: leader.round,
    successors: leader.successors,
    ...(promise === undefined ? {} : { pulse: promise }),
  })
}

/**
 * Best first: not suspected, then most up to date, then lowest id (DESIGN §4.2, after ESCAPE). Who has not answered for the
 * longest election timeout is left out, and so learns that it is not heard.
 */
export function successorsOf(raft: Raft<unknown>, leader: Leader): readonly PeerId[] {
  const beatsMax = raft.options.electionTimeoutMs[1] / heartbeatIntervalMs(raft)
  const entries = [...leader.progress].filter(([, { unheardBeats }]) => unheardBeats <= beatsMax)
  // The map is sorted by id and the sort is stable, so equal peers stay in that order.
  return entries
    .toSorted(
      ([left, leftProgress], [right, rightProgress]) =>
        Number(raft.suspects.has(left)) - Number(raft.suspects.has(right)) ||
        rightProgress.match - leftProgress.match,
    )
    .map(([peer]) => peer)
}

/** The newest round that a majority answered: at its start nobody had been elected after us. */
export function confirmedRound(raft: Raft<unknown>, leader: Leader): number {
  return quorumIndex(raft.options.configuration, (peer) =>
    peer === raft.self ? leader.round : (leader.progress.get(peer)?.round ?? 0),
  )
}
