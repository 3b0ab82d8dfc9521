/** A number that tells one message from another in the trace, so that two runs that differ only in it differ there. */
import type { AnyPeerMessage, EngineReply, EngineRequest } from './history.ts'

export function markOf(message: AnyPeerMessage): number {
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
    case 'ask':
      return 192 + message.requests.length * 1024 + markOfLetter(message.requests[0])
    case 'answer':
      return 193 + message.replies.length * 1024 + markOfLetter(message.replies[0])
    case 'operator-asks':
      return 132 + message.id * 8
    case 'holder-answers':
      return 133 + message.id * 8
    default:
      return message satisfies never
  }
}

/** What counts up in it tells it from the one before. */
const counters = ['sequence', 'ballot', 'tie', 'epoch', 'tag', 'round', 'note', 'version'] as const

function markOfLetter(letter: EngineRequest | EngineReply | undefined): number {
  if (letter === undefined) return 0
  const said: object = letter.type === 'peer' ? letter.message : letter
  const counted = counters.reduce((sum, name) => {
    const value: unknown = name in said ? (said as Record<string, unknown>)[name] : 0
    return typeof value === 'number' ? sum * 31 + value : sum
  }, 0)
  return letter.type.length * 8 + (counted % 1_000_003) * 64
}
