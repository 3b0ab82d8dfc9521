/** What the live demo remembers, and what may happen to it. */
import type { Exclusivity } from '../../../backends/backend.ts'
import type { Timing } from '../../../lease/timing.ts'
import type { Recorded } from '../event-log.ts'

export type Life = 'starting' | 'running' | 'paused' | 'dead'
export type Key = 'k' | 'p' | 'c' | 'r' | 'g' | 'x' | 'h'
export type Tone = 'plain' | 'dim' | 'bold' | 'good' | 'warn' | 'bad'

/** One peer's own answer to `status()`. */
export interface View {
  readonly role: 'leader' | 'follower' | 'candidate'
  readonly term: number
  /** Who leads the election, as far as this peer knows. */
  readonly leader: string | null
  readonly token: string | null
}

export interface PeerState {
  readonly id: string
  readonly pid: number | null
  readonly life: Life
  readonly cut: boolean
  /** We killed it: its end is no news. */
  readonly doomed: boolean
  /** Its last answer. */
  readonly view: View | null
  /** It believes that it leads. */
  readonly token: string | null
  readonly remaining: { readonly ms: number; readonly at: number } | null
  readonly refused: number
}

export interface Takeover {
  readonly cause: string
  readonly from: string
  readonly fromToken: string
  readonly to: string
  readonly toToken: string
  readonly ms: number
  readonly at: number
}

/** A stretch of the ledger with one writer. */
export interface Stretch {
  readonly id: string
  readonly token: string
  readonly first: number
  readonly last: number
}

export interface LogLine {
  readonly at: number
  readonly text: string
  readonly tone: Tone
}

export interface State {
  readonly startedAt: number
  readonly exclusivity: Exclusivity
  readonly preset: string
  readonly timing: Timing
  readonly peers: readonly PeerState[]
  readonly leader: { readonly id: string; readonly token: string; readonly since: number } | null
  /** What was done to the leader, or happened to it; the next one to lead took over from that. */
  readonly pending: {
    readonly cause: string
    readonly from: string
    readonly token: string
    readonly at: number
  } | null
  readonly takeovers: readonly Takeover[]
  /** Newest last. */
  readonly stretches: readonly Stretch[]
  readonly lastWrote: Recorded<'wrote'> | null
  /** Numbers that were confirmed again, and those that one writer left out: for the eye; the audit at the end decides. */
  readonly twice: number
  readonly missing: number
  readonly refused: number
  readonly log: readonly LogLine[]
  /** Keys whose effect was seen already. */
  readonly tried: readonly Key[]
  /** Null: the choice follows the leader. */
  readonly chosen: string | null
  readonly help: boolean
}

export type Input =
  | { readonly is: 'happened'; readonly event: Recorded }
  | { readonly is: 'viewed'; readonly views: ReadonlyMap<string, View> }
  | { readonly is: 'starting' | 'cut' | 'healed'; readonly id: string; readonly at: number }
  | { readonly is: 'chose'; readonly id: string | null }
  | { readonly is: 'help'; readonly open: boolean }
  | { readonly is: 'said'; readonly text: string; readonly tone: Tone; readonly at: number }
