/**
 * All that a seed decides, as data: who takes part, on what clocks and wires and disks, what is done to them and when, and
 * what their application calls. A run is a function of its plan; a plan with an action less is a plan.
 */
import type { Exclusivity } from '../backends/backend.ts'
import type { TuningMode } from '../cluster/peer-options.ts'
import type { Timing } from '../lease/timing.ts'
import type { SeamCall } from './incarnation.ts'
import type { RouteQuality } from './route.ts'
import type { Protocol } from './sweep/level.ts'

/** What may be broken. `storm`: all of it, and often. */
export const faultClasses = ['network', 'disk', 'process', 'clock', 'api'] as const
export type FaultClass = (typeof faultClasses)[number]

export type Mode = 'safety' | 'liveness'

export interface ProcessPlan {
  readonly name: string
  /** A peer votes and has a disk; a client has neither. */
  readonly isPeer: boolean
  /** Counts of its clocks in one ms of true time. */
  readonly clockRate: number
  /** Its clocks show multiples of it, in ms. */
  readonly clockTickMs: number
  /** By how much its wall clock is off at the start, in ms. */
  readonly wallOffsetMs: number
  readonly onClockStep: 'lose' | 'ignore'
  /** A timer fires so late at most, in ms. */
  readonly timerLateMs: number
  /** Of a peer. */
  readonly tuning: TuningMode
  /** An fsync takes so long, in ms. */
  readonly writeMs: readonly [min: number, max: number]
  /** When it starts first, in ms. */
  readonly startsAtMs: number
}

/** A candidate in a process, and what its application does with an election. */
export interface PlacePlan {
  readonly process: string
  readonly candidate: string
  readonly election: string
  readonly exclusivity: Exclusivity
  readonly priority: number
  /** Null: it does not campaign by itself. */
  readonly campaigns: 'campaign' | 'lead' | null
  /** It leads so long before it resigns by itself, in ms; null = for ever. */
  readonly holdsMs: readonly [min: number, max: number] | null
  /** Between a loss and the next campaign, in ms. */
  readonly restsMs: readonly [min: number, max: number]
  /** While it leads it checks and writes this often, in ms. */
  readonly worksMs: number
  readonly observes: boolean
  /** Until the faults end its health checks fail now and then, for a while. */
  readonly ails: boolean
}

interface On {
  readonly process: string
}

/** Down for so long, in ms; null = until something else starts it. */
interface Down extends On {
  readonly backAfterMs: number | null
}

interface Lasting {
  readonly forMs: number
}

interface Weather {
  /** Null: for ever. */
  readonly forMs: number | null
}

/**
 * From one process to another. `*` stands for everybody; `@raft` for the peer that leads the cluster at that moment (of an
 * engine without such a peer, the one in which somebody was elected last),
 * `@holder` for the process whose candidate was elected last and still leads. So may an action's `process`.
 */
export type Way = readonly [from: string, to: string]

export type FaultAction =
  /** kill -9. */
  | ({ readonly type: 'crash' } & Down)
  /** kill -9 in the middle of an event: at the `count`-th next call of this kind. */
  | ({ readonly type: 'crash-at'; readonly call: SeamCall | 'any'; readonly count: number } & Down)
  /** Stopped in the middle of an event, before the `count`-th next call of this kind; then it goes on. */
  | ({ readonly type: 'pause-at'; readonly call: SeamCall | 'any'; readonly count: number } & On & Lasting)
  /** The machine goes dark: nobody refuses anything in its name. */
  | ({ readonly type: 'power-loss' } & Down)
  /** As SIGTERM: sessions are closed, leadership handed over. */
  | ({ readonly type: 'stop' } & Down)
  /** The event loop does not turn; the disk's thread writes on. */
  | ({ readonly type: 'stall' } & On & Lasting)
  /** As SIGSTOP: neither turns the loop nor writes the disk. */
  | ({ readonly type: 'pause' } & On & Lasting)
  /** The machine sleeps: monotonic time stands still. */
  | ({ readonly type: 'suspend' } & On & Lasting)
  | ({ readonly type: 'start' } & On)
  /** Nothing gets along these ways; what was sent comes afterwards. `shape` is only a name. */
  | ({
      readonly type: 'cut'
      readonly shape: string
      readonly ways: readonly Way[]
    } & Weather)
  | { readonly type: 'reset'; readonly from: string; readonly to: string }
  /** These ways (none named: all) behave like this. */
  | ({
      readonly type: 'weather'
      readonly ways: readonly Way[]
      readonly quality: RouteQuality
    } & Weather)
  | ({ readonly type: 'disk-hang' } & On & Lasting)
  | ({ readonly type: 'disk-slow'; readonly factor: number } & On & Lasting)
  | ({ readonly type: 'disk-fail'; readonly how: 'fsync' | 'full' } & On)
  /** Crashes it, and one bit of its log is another one. */
  | ({ readonly type: 'bit-flip' } & On)
  /** Copies the folder; `restore` crashes the process and puts the copy in the folder's place. */
  | ({ readonly type: 'snapshot' | 'restore' } & On)
  | ({ readonly type: 'clock-rate'; readonly rate: number } & On)
  | ({ readonly type: 'clock-step'; readonly ms: number } & On)

export type ApiAction =
  | {
      readonly type:
        | 'campaign'
        | 'lead'
        | 'cancel'
        | 'resign'
        | 'proclaim'
        | 'close'
        | 'recreate'
        | 'observe'
        | 'unobserve'
      /** Index in `places`. */
      readonly place: number
    }
  | { readonly type: 'transfer'; readonly place: number; readonly to: string }

export type Action = { readonly at: number } & (FaultAction | ApiAction)

export interface Plan {
  readonly seed: string
  readonly protocol: Protocol
  readonly mode: Mode
  readonly faults: readonly FaultClass[]
  readonly simulatedMs: number
  /** Faults end, and `core` with the ways between its members is healed. */
  readonly healAtMs: number
  /** Peers. In safety mode all of them. */
  readonly core: readonly string[]
  readonly processes: readonly ProcessPlan[]
  readonly timing: Timing
  readonly tokenBase: bigint
  readonly logBytesMax: number
  /** Of every way between two processes, when nothing is done to it. */
  readonly quality: RouteQuality
  /** Messages between peers are encoded and decoded, as on a wire. */
  readonly encoded: boolean
  readonly places: readonly PlacePlan[]
  /** By time. */
  readonly actions: readonly Action[]
}
