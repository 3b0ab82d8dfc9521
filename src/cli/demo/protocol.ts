/**
 * What the processes of the demo say to each other: one JSON object a line, over socket pairs.
 *
 * Instants are milliseconds of CLOCK_MONOTONIC, which all processes of a machine share (`monotonicMs`).
 */
import type { Exclusivity, LossReason } from '../../backends/backend.ts'
import type { Timing } from '../../lease/timing.ts'

export interface PeerConfig {
  readonly id: string
  readonly peers: Readonly<Record<string, string>>
  readonly dataDir: string
  readonly timing: Timing
  /** @default named by the addresses of the peers */
  readonly cluster?: string
  /** How often a leader tells what is left of its lease. @default never */
  readonly remainingEveryMs?: number
}

export type ToPeer =
  | {
      readonly type: 'stand'
      readonly election: string
      readonly exclusivity: Exclusivity
      /** The ledger's folder. */
      readonly ledger: string
    }
  /**
   * If it leads with this token: before the next line check that it does, say `checked`, and write only after it was
   * frozen for this long.
   */
  | { readonly type: 'hesitate'; readonly token: string; readonly frozenMs: number }
  | { readonly type: 'resign' }
  /** Leave the election. */
  | { readonly type: 'leave' }

/** When one process found `isValid()` true: it was true throughout, because it never comes back. */
export interface Validity {
  readonly from: number
  readonly until: number
}

export type FromPeer =
  | { readonly event: 'ready' }
  | { readonly event: 'failed'; readonly code: string; readonly message: string }
  | { readonly event: 'leads'; readonly token: string }
  | {
      readonly event: 'wrote'
      readonly token: string
      readonly number: number
      readonly valid: Validity | null
    }
  | { readonly event: 'checked'; readonly token: string; readonly valid: Validity | null }
  /** By the ledger. `by`: the newer token; `believed`: `isValid()` right after. */
  | { readonly event: 'refused'; readonly token: string; readonly by: string; readonly believed: boolean }
  /** A newer leader was sealing at that moment: counts or not, the ledger tells. */
  | { readonly event: 'uncertain'; readonly token: string; readonly by: string }
  | {
      readonly event: 'lost'
      readonly token: string
      readonly reason: LossReason
      readonly valid: Validity | null
    }
  /** Of its lease, in ms, for whoever asked with `remainingEveryMs`. */
  | { readonly event: 'remaining'; readonly token: string; readonly ms: number }
  | { readonly event: 'left' }

export type ToReaper =
  /** `channel`: the descriptor, in the reaper, that becomes the peer's own. */
  | { readonly type: 'start'; readonly channel: number; readonly config: { readonly id: string } }
  | { readonly type: 'signal'; readonly pid: number; readonly signal: NodeJS.Signals }

export type FromReaper =
  /** The temporary folder, made by the reaper: whoever removes it must know of it first. */
  | { readonly type: 'ready'; readonly folder: string }
  | { readonly type: 'failed'; readonly what: 'folder' | 'start'; readonly message: string }
  | { readonly type: 'started'; readonly id: string; readonly pid: number }
  | {
      readonly type: 'exited'
      readonly id: string
      readonly pid: number
      readonly code: number | null
      readonly signal: NodeJS.Signals | null
      /** The end of what it wrote to stderr. */
      readonly stderr: string
    }

export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
