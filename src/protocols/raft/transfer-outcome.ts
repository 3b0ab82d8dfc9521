/** How a hand-over ended; apart from how it begins, because every change of leader may end one. */
import type { PeerId } from '../quorum/types.ts'
import { cancelTimer } from './outbox.ts'
import type { Outbox } from './outbox.ts'
import type { Raft } from './state.ts'

/** A leader is known: the transfer we began, if any, reached its target or did not. */
export function settleTransfer<Data>(raft: Raft<Data>, out: Outbox<Data>, leader: PeerId): void {
  if (raft.transfer === null) return
  endTransfer(raft, out, leader === raft.transfer.to ? 'done' : 'failed')
}

export function endTransfer<Data>(raft: Raft<Data>, out: Outbox<Data>, outcome: 'done' | 'failed'): void {
  raft.transfer = null
  cancelTimer(out, 'transfer')
  out.effects.push({ type: 'transfer-ended', outcome })
}
