import type { PeerStatus } from '../cluster/messages.ts'
import type { Backend, Cancellable } from './backend.ts'

/** A backend whose arbiter is made of processes of the user's own. */
export interface EmbeddedBackend extends Backend {
  readonly engine: 'raft' | 'paxos' | 'bully'
  readonly peers: Readonly<Record<string, string>>
  readonly cluster: string
  /** Asks every peer for its view; stands in no election. A peer that does not answer in time is listed as silent. */
  status(o?: StatusRequest): Promise<ClusterView>
}

/** What the peers say of themselves; nothing is merged. */
export interface ClusterView {
  readonly answers: readonly PeerStatus[]
  readonly silent: readonly { readonly peer: string; readonly address: string; readonly reason: string }[]
}

export interface StatusRequest extends Cancellable {
  /** Only this election. */
  readonly election?: string | undefined
  /** After it a peer counts as silent. @default 1500 */
  readonly timeoutMs?: number | undefined
}
