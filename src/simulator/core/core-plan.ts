/** All that a seed decides about a run of the bare cores, as data; see `../plan.ts` for the whole stack. */
import type { Exclusivity } from '../../registry/types.ts'
import type { Timing } from '../../lease/timing.ts'
import type { FaultClass, Mode, Way } from '../plan.ts'

/** How packets travel. Each probability is per packet; nothing is in order where delays differ. */
export interface CoreQuality {
  readonly minMs: number
  readonly maxMs: number
  readonly drop: number
  readonly duplicate: number
  /** It comes up to `lateMs` later. */
  readonly late: number
  readonly lateMs: number
}

export const perfectQuality: CoreQuality = {
  minMs: 0.1,
  maxMs: 0.4,
  drop: 0,
  duplicate: 0,
  late: 0,
  lateMs: 0,
}

export interface CorePeerPlan {
  readonly name: string
  /** Counts of its clock in one ms of true time. */
  readonly clockRate: number
  readonly clockOffsetMs: number
  /** Its clock shows multiples of it, in ms; 0 = exact. */
  readonly clockTickMs: number
  /** An fsync takes so long, in ms. */
  readonly writeMs: readonly [min: number, max: number]
  readonly startsAtMs: number
}

/** A candidate in the process of a peer. */
export interface CandidatePlan {
  readonly process: string
  readonly candidate: string
  readonly election: string
  readonly exclusivity: Exclusivity
  readonly priority: number
  /** It leads so long before it resigns by itself, in ms; null = for ever. */
  readonly holdsMs: readonly [min: number, max: number] | null
  /** Between a loss and the next campaign, in ms. */
  readonly restsMs: readonly [min: number, max: number]
}

/** `process` may be `@raft`, who leads the cluster at that moment, or `@holder`, where the last one elected still leads. */
export type CoreAction = { readonly at: number } & (
  | { readonly type: 'crash'; readonly process: string; readonly backAfterMs: number | null }
  /** As SIGSTOP. */
  | { readonly type: 'pause'; readonly process: string; readonly forMs: number }
  | { readonly type: 'disk-slow'; readonly process: string; readonly factor: number; readonly forMs: number }
  | { readonly type: 'cut'; readonly ways: readonly Way[]; readonly forMs: number | null }
  | { readonly type: 'weather'; readonly quality: CoreQuality; readonly forMs: number }
  /** Death evidence, true or not, that everybody hears. */
  | { readonly type: 'accuse'; readonly process: string }
  /** Death evidence that only `process` hears. */
  | { readonly type: 'evidence'; readonly process: string; readonly about: string }
  | { readonly type: 'raft-transfer'; readonly process: string; readonly to: string | null }
  | { readonly type: 'read'; readonly process: string }
  /** `place`: index in `candidates`. */
  | { readonly type: 'resign' | 'cancel' | 'close' | 'transfer'; readonly place: number }
)

export interface CorePlan {
  readonly seed: string
  readonly mode: Mode
  readonly faults: readonly FaultClass[]
  readonly simulatedMs: number
  /** Faults end, and the ways between members of `core` are whole. */
  readonly healAtMs: number
  /** There is time enough after `healAtMs` to judge what must happen then. */
  readonly isJudgedWhole: boolean
  /** In safety mode all peers. */
  readonly core: readonly string[]
  /** What stays broken for ever: these ways, and these peers. */
  readonly brokenWays: readonly Way[]
  readonly deadForEver: readonly string[]
  readonly peers: readonly CorePeerPlan[]
  readonly timing: Timing
  readonly tokenBase: bigint
  readonly maxEntriesPerAppend: number
  readonly maxInflightAppends: number
  readonly quality: CoreQuality
  readonly candidates: readonly CandidatePlan[]
  /** By time. */
  readonly actions: readonly CoreAction[]
}
