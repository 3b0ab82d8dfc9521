/** One row of `mandate compare`: an engine in one mode, in one environment, under one schedule of faults. */
import type { Exclusivity } from '../backends/backend.ts'
import type { Timing } from '../lease/timing.ts'

/** `none`: advisory, so that two may lead. */
export type ComparedMode = Exclusivity | 'none'

/** Nearest rank, in ms; all but `n` null when `n` is 0. */
export interface Distribution {
  readonly n: number
  readonly min: number | null
  readonly p50: number | null
  readonly p90: number | null
  readonly p99: number | null
  readonly max: number | null
  readonly mean: number | null
}

/** What went over the network between peers, and how often a disk had to confirm a write. */
export interface Traffic {
  readonly messages: number
  readonly bytes: number
  readonly diskWrites: number
}

export interface ComparedRow {
  readonly engine: 'raft' | 'paxos' | 'bully'
  readonly quorum: boolean
  readonly exclusivity: ComparedMode
  readonly environment: 'simulator' | 'processes'
  readonly peers: number
  readonly timing: Timing
  /** From the fault, or from the call of `resign()`, until the successor's `campaign()` resolves. */
  readonly failoverMs: {
    readonly crash: Distribution
    readonly silentPartition: Distribution
    readonly gracefulStop: Distribution
  }
  /** Of the whole cluster, one election held and nothing else going on. */
  readonly idlePerSecond: Traffic
  /** Of the whole cluster, from the crash to the successor, what an idle one sends included. */
  readonly perFailover: Traffic
  /** How long two processes said at once that they lead. */
  readonly twoBelieversMs: { readonly total: number; readonly max: number }
  readonly electionsPerHourAtLoss10: number
}

export function distribution(values: readonly number[]): Distribution {
  const sorted = values.toSorted((a, b) => a - b)
  const rank = (share: number): number | null => sorted[Math.ceil(share * sorted.length) - 1] ?? null
  const n = sorted.length
  const mean = n === 0 ? null : sorted.reduce((sum, value) => sum + value, 0) / n
  return {
    ...{ n, min: sorted[0] ?? null, p50: rank(0.5), p90: rank(0.9), p99: rank(0.99) },
    ...{ max: sorted.at(-1) ?? null, mean },
  }
}
