/** Follower: taking over the leader's log (Raft Figure 2, AppendEntries). */
import type { PeerId } from '../quorum/types.ts'
import { invariant } from './assert.ts'
import { commitUpTo } from './commit.ts'
import { backUp, lastIndex, overwrite, termAt } from './log.ts'
import { persistEntries, send, sendAfterLog } from './outbox.ts'
import type { Outbox } from './outbox.ts'
import { followLeader, hearLeader } from './roles.ts'
import type { Raft } from './state.ts'
import type { Entry, RaftMessage } from './types.ts'

export function onAppend<Data>(
  raft: Raft<Data>,
  out: Outbox<Data>,
  from: PeerId,
  message: Extract<RaftMessage<Data>, { type: 'append' }>,
): void {
  followLeader(raft, out, from)
  const { previousIndex, previousTerm, entries } = message
  if (termAt(raft.log, previousIndex) !== previousTerm) {
    invariant(
      previousIndex > raft.commitIndex,
      `leader '${from}' has term ${previousTerm} at ${previousIndex}, which is committed with another term`,
    )
    // What is committed agrees with every leader, so the search never goes below it.
    const matchIndex = Math.max(raft.commitIndex, backUp(raft.log, previousIndex, previousTerm))
    send(raft, out, from, { type: 'append-reply', term: raft.term, accepted: false, matchIndex })
    return
  }
  takeOver(raft, out, entries)
  const matchIndex = previousIndex + entries.length
  sendAfterLog(raft, out, from, { type: 'append-reply', term: raft.term, accepted: true, matchIndex })
  commitUpTo(raft, out, Math.min(message.commit, matchIndex))
}

/** Keeps what agrees: an old, short append must not cut off what a newer one brought (Raft Figure 2, step 3). */
function takeOver<Data>(raft: Raft<Data>, out: Outbox<Data>, entries: readonly Entry<Data>[]): void {
  const fresh = entries.findIndex((entry) => termAt(raft.log, entry.index) !== entry.term)
  const first = entries[fresh]
  if (first === undefined) return
  invariant(first.index > raft.commitIndex, `entry ${first.index} is committed and would be overwritten`)
  overwrite(raft.log, entries.slice(fresh))
  persistEntries(raft, out, first.index)
}

/** Needs no disk, so it answers at once unless the term itself is not durable yet. */
export function onHeartbeat<Data>(
  raft: Raft<Data>,
  out: Outbox<Data>,
  from: PeerId,
  message: Extract<RaftMessage<Data>, { type: 'heartbeat' }>,
): void {
  followLeader(raft, out, from)
  raft.successors = message.successors
  believePromise(raft, out, message)
  send(raft, out, from, {
    type: 'heartbeat-reply',
    term: raft.term,
    round: message.round,
    lastIndex: lastIndex(raft.log),
  })
  commitUpTo(raft, out, message.commit)
}

/** One that was overtaken is not believed: its leader may have slowed down since. */
function believePromise<Data>(
  raft: Raft<Data>,
  out: Outbox<Data>,
  { round, pulse }: Extract<RaftMessage<Data>, { type: 'heartbeat' }>,
): void {
  if (raft.options.leastSilenceMs === undefined || round < raft.promiseRound) return
  raft.promiseRound = round
  raft.promise = pulse ?? null
  hearLeader(raft, out)
}
