/** A peer of the random world: its state, its disk, and what is on the way to it. */
import type { PeerId } from '../../quorum/types.ts'
import type { Raft } from '../state.ts'
import type { Entry, HardState, RaftEffect, RaftMessage, RaftTimer } from '../types.ts'

export interface Disk {
  hardState: HardState
  entries: Entry<string>[]
}

export interface WorldPeer {
  readonly id: PeerId
  readonly disk: Disk
  raft: Raft<string>
  alive: boolean
  /** Grows at each crash: what the old process had begun does not reach the new one. */
  incarnation: number
  durable: number
  writes: Extract<RaftEffect<string>, { type: 'persist' }>[]
  gated: { readonly after: number; readonly to: PeerId; readonly message: RaftMessage<string> }[]
  readonly timers: Map<RaftTimer, number>
}
