/** What a worker tells about one seed: data only, and of a violation no more than people read. */
import type { Mode } from '../plan.ts'

/** One event of a run, for people. */
export interface Line {
  readonly atMs: number
  /** The process; '' for the world. */
  readonly actor: string
  readonly text: string
}

export interface FoundViolation {
  readonly invariant: string
  readonly atMs: number
  readonly message: string
  /** The last events before it, oldest first. */
  readonly lines: readonly Line[]
}

export interface SeedSummary {
  readonly seed: string
  readonly mode: Mode
  readonly peers: number
  readonly simulatedMs: number
  /** Leaderships that an application was told of. */
  readonly elections: number
  readonly raftElections: number
  readonly events: number
  readonly injected: Readonly<Record<string, number>>
  readonly checked: Readonly<Record<string, number>>
  readonly traceHash: string
  readonly violations: readonly FoundViolation[]
}

/** A schedule of faults, shrunk until nothing could be left out (or until the time was over). */
export interface ShrunkSchedule {
  readonly seed: string
  readonly invariant: string
  /** Before. */
  readonly actions: number
  readonly kept: readonly Line[]
  readonly runs: number
  /** Leaving out any single action of `kept` makes the violation disappear. */
  readonly minimal: boolean
  readonly violation: FoundViolation
}
