/** A number that tells one message from another in the trace, so that two runs that differ only in it differ there. */
import type { PeerMessage } from '../cluster/messages.ts'

export function markOf(message: PeerMessage): number {
  switch (message.kind) {
    case 'raft': {
      const raft = message.message
      const detail =
        raft.type === 'append'
          ? raft.previousIndex * 64 + raft.entries.length
          : raft.type === 'heartbeat' || raft.type === 'heartbeat-reply'
            ? raft.round
            : 0
      return 64 + raft.type.length + raft.term * 131 + detail * 31
    }
    case 'support': {
      const support = message.message
      return 96 + support.type.length + ('sequence' in support ? support.sequence * 17 : 0)
    }
    case 'propose':
      return 128
    case 'turned-away':
      return 129
    case 'read-index':
      return 130 + message.id * 8
    case 'read-index-reply':
      return 131 + message.id * 8
    default:
      return message satisfies never
  }
}
