/** Leader: bringing every follower's log up to its own (Raft §5.3; pipelining: Dissertation §10.2.2). */
import type { PeerId } from '../quorum/types.ts'
import { sendHeartbeat } from './heartbeat.ts'
import { entriesBetween, lastIndex, overwrite, termAt } from './log.ts'
import { persistEntries, send } from './outbox.ts'
import type { Outbox } from './outbox.ts'
import { heartbeatIntervalMs, leaderOf } from './state.ts'
import type { Leader, Progress, Raft } from './state.ts'
import type { Entry, RaftMessage } from './types.ts'

type Message<Type extends RaftMessage<never>['type']> = Extract<RaftMessage<never>, { type: Type }>

export function onPropose<Data>(raft: Raft<Data>, out: Outbox<Data>, data: readonly Data[]): void {
  if (data.length === 0) return
  if (raft.role.name !== 'leader' || raft.transfer !== null) {
    // During a transfer the target must be able to catch up, and nobody accepts proposals until it leads.
    out.effects.push({
      type: 'proposal-refused',
      data,
      leader: raft.transfer === null ? leaderOf(raft) : null,
    })
    return
  }
  const firstIndex = lastIndex(raft.log) + 1
  const entries: Entry<Data>[] = data.map((one, offset) => ({
    index: firstIndex + offset,
    term: raft.term,
    data: one,
  }))
  overwrite(raft.log, entries)
  persistEntries(raft, out, firstIndex)
  out.effects.push({ type: 'appended', entries })
}

export function onAppendReply(raft: Raft<unknown>, from: PeerId, reply: Message<'append-reply'>): void {
  if (raft.role.name !== 'leader') return
  const progress = raft.role.progress.get(from)
  // Nobody can have taken more from us than we hold: such an answer is not one.
  if (progress === undefined || reply.matchIndex > lastIndex(raft.log)) return
  progress.active = true
  progress.unheardBeats = 0
  if (reply.accepted) onAccepted(progress, reply.matchIndex)
  else onRefused(progress, reply.matchIndex)
}

function onAccepted(progress: Progress, matchIndex: number): void {
  progress.silentBeats = 0
  if (matchIndex > progress.match) progress.match = matchIndex
  if (matchIndex + 1 > progress.next) progress.next = matchIndex + 1
  if (progress.mode === 'probe') {
    // The logs agree up to `match`, and only that is certain: what was sent behind it may be lost.
    progress.mode = 'replicate'
    progress.next = progress.match + 1
    progress.inflight = []
    return
  }
  progress.inflight = progress.inflight.filter((index) => index > matchIndex)
}

function onRefused(progress: Progress, hint: number): void {
  // A refusal that the acknowledged prefix, or a later probe, has overtaken is old: going back for it would only cost.
  if (hint < progress.match || hint + 1 >= progress.next) return
  probeFrom(progress, hint + 1)
}

function probeFrom(progress: Progress, next: number): void {
  progress.mode = 'probe'
  progress.next = Math.max(next, progress.match + 1)
  progress.inflight = []
  progress.silentBeats = 0
}

export function onHeartbeatReply(raft: Raft<unknown>, from: PeerId, reply: Message<'heartbeat-reply'>): void {
  if (raft.role.name !== 'leader') return
  const progress = raft.role.progress.get(from)
  if (progress === undefined) return
  progress.active = true
  progress.unheardBeats = 0
  progress.round = Math.max(progress.round, reply.round)
  // Heartbeats may overtake appends, and disks may be slow: only what is unanswered for a whole heartbeat interval
  // counts as lost, and a leader that beats faster waits for more beats. The follower's last index saves sending again
  // what it has.
  const beats = Math.round(raft.options.heartbeatMs / heartbeatIntervalMs(raft))
  if (progress.silentBeats >= 2 * beats) probeFrom(progress, Math.min(progress.next, reply.lastIndex + 1))
}

/** The follower is reachable again: say who leads, and ask anew about everything that may have been lost with it. */
export function resumeFollower<Data>(
  raft: Raft<Data>,
  out: Outbox<Data>,
  leader: Leader,
  peer: PeerId,
): void {
  const progress = leader.progress.get(peer)
  if (progress === undefined) return
  if (progress.inflight.length > 0)
    probeFrom(progress, progress.mode === 'probe' ? progress.next : resendFrom(progress, leader))
  sendHeartbeat(raft, out, leader, peer, progress)
}

/** Behind what is acknowledged. A follower that never answered is asked where it stands, not sent the whole log. */
function resendFrom(progress: Progress, leader: Leader): number {
  return progress.match === 0 ? leader.firstIndex : progress.match + 1
}

/** Sends each follower what it lacks, as far as its window allows, without waiting for our own disk (Dissertation §10.2.1). */
export function replicate<Data>(raft: Raft<Data>, out: Outbox<Data>, leader: Leader): void {
  for (const [peer, progress] of leader.progress) {
    if (progress.mode === 'probe') {
      if (progress.inflight.length === 0) sendAppend(raft, out, peer, progress)
      continue
    }
    while (
      progress.next <= lastIndex(raft.log) &&
      progress.inflight.length < raft.options.maxInflightAppends
    ) {
      sendAppend(raft, out, peer, progress)
    }
  }
}

function sendAppend<Data>(raft: Raft<Data>, out: Outbox<Data>, peer: PeerId, progress: Progress): void {
  const previousIndex = progress.next - 1
  const last = Math.min(lastIndex(raft.log), previousIndex + raft.options.maxEntriesPerAppend)
  progress.inflight.push(last)
  if (progress.mode === 'replicate') {
    progress.next = last + 1
    progress.toldCommit = Math.max(progress.toldCommit, Math.min(raft.commitIndex, last))
  }
  send(raft, out, peer, {
    type: 'append',
    term: raft.term,
    previousIndex,
    previousTerm: termAt(raft.log, previousIndex) ?? 0,
    entries: entriesBetween(raft.log, previousIndex + 1, last),
    commit: raft.commitIndex,
  })
}
