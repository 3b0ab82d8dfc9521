import type { PeerStatus } from '../cluster/messages.ts'
import type { Cancellable } from './backend.ts'

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
