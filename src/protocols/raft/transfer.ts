/** Handing the leadership over (Dissertation §3.10). */
import type { PeerId } from '../quorum/types.ts'
import { successorsOf } from './heartbeat.ts'
import { lastIndex } from './log.ts'
import { armTimer, send } from './outbox.ts'
import type { Outbox } from './outbox.ts'
import type { Leader, Raft } from './state.ts'
import { endTransfer } from './transfer-outcome.ts'

/** A second target replaces the first, whose transfer then counts as failed; the same target again changes nothing. */
export function onTransfer<Data>(raft: Raft<Data>, out: Outbox<Data>, wanted: PeerId | null): void {
  if (raft.role.name !== 'leader') {
    out.effects.push({ type: 'transfer-ended', outcome: 'failed' })
    return
  }
  const to = wanted ?? successorsOf(raft, raft.role)[0]
  if (to === undefined || !raft.role.progress.has(to)) {
    out.effects.push({ type: 'transfer-ended', outcome: 'failed' })
    return
  }
  if (raft.transfer?.to === to) return
  if (raft.transfer !== null) endTransfer(raft, out, 'failed')
  raft.transfer = { to, asked: false }
  const [min] = raft.options.electionTimeoutMs
  armTimer(out, 'transfer', min, min)
}

/** Asks the target to stand as soon as it has every entry; before that it could not win. */
export function advanceTransfer<Data>(raft: Raft<Data>, out: Outbox<Data>, leader: Leader): void {
  const { transfer } = raft
  if (transfer === null || transfer.asked) return
  if (leader.progress.get(transfer.to)?.match !== lastIndex(raft.log)) return
  transfer.asked = true
  send(raft, out, transfer.to, { type: 'timeout-now', term: raft.term })
}

/** Proposals are accepted again. The target may still stand: it was asked, and that cannot be taken back. */
export function onTransferTimer<Data>(raft: Raft<Data>, out: Outbox<Data>): void {
  if (raft.transfer !== null) endTransfer(raft, out, 'failed')
}
