/** What peers write to each other here: as `PeerMessage`, without the wrapping, for most of it is sent millions of times. */
import type { Proposal } from '../../cluster/messages.ts'
import type { RaftMessage } from '../../protocols/raft/types.ts'
import type { SupportMessage } from '../../protocols/support/types.ts'
import type { Command } from '../../registry/types.ts'

export type Letter =
  | RaftMessage<Command>
  | SupportMessage
  | { readonly type: 'propose'; readonly proposal: Proposal }
  | { readonly type: 'turned-away'; readonly session: string }
