/**
 * What `compare` and the processes of its clusters say to each other: one JSON object a line, over a socket pair.
 * Instants are milliseconds of CLOCK_MONOTONIC, which all processes of a machine share.
 */
import type { Contender } from '../../compare/contenders.ts'
import type { ComparedMode, Traffic } from '../../compare/row.ts'
import type { Timing } from '../../lease/timing.ts'

export interface ComparedPeerConfig {
  readonly id: string
  readonly engine: Contender['name']
  readonly quorum: boolean
  readonly exclusivity: ComparedMode
  readonly peers: Readonly<Record<string, string>>
  readonly dataDir: string
  readonly timing: Timing
}

export type ToComparedPeer =
  | { readonly type: 'count' }
  /** From now on, of every message to another peer. */
  | { readonly type: 'lose'; readonly probability: number }

export type FromComparedPeer =
  | { readonly event: 'ready' }
  | { readonly event: 'failed'; readonly code: string; readonly message: string }
  | { readonly event: 'leads'; readonly at: number }
  /** `until`: when its own deadline would have ended it, as it last knew while it ran. */
  | { readonly event: 'lost'; readonly at: number; readonly until: number }
  | { readonly event: 'counted'; readonly traffic: Traffic }
