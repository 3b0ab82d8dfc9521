/** What one run of a peer sees of its machine, and both of the world around them. */
import type { Configuration } from '../../protocols/quorum/types.ts'
import type { Raft } from '../../protocols/raft/state.ts'
import type { step } from '../../protocols/raft/step.ts'
import type { CheckedPeer, SafetyChecks } from '../../protocols/raft/testing/safety-checks.ts'
import type { Command } from '../../registry/types.ts'
import type { Surroundings } from '../bare/surroundings.ts'
import type { Stream } from '../streams.ts'
import type { CoreCandidate } from './core-candidate.ts'
import type { CoreClaims } from './core-claims.ts'
import type { CoreClock } from './core-clock.ts'
import type { CoreDisk } from './core-disk.ts'
import type { CorePlan } from './core-plan.ts'
import type { Letter } from './letter.ts'

export type RaftStep = typeof step<Command>

export interface CoreHost extends CheckedPeer<Command> {
  readonly place: number
  readonly disk: CoreDisk
  readonly clock: CoreClock
  readonly chance: Stream
  /** Of the process that runs, or ran last. */
  raft: Raft<Command>
  writeTakesMs(): number
}

export interface CoreSurroundings {
  readonly plan: CorePlan
  readonly configuration: Configuration
  readonly stage: Surroundings<CoreHost, Letter>
  readonly claims: CoreClaims
  readonly raftChecks: SafetyChecks<Command>
  readonly step: RaftStep
  led(id: string, term: number): void
  /** Something was committed, perhaps for the first time. */
  learned(): void
  elected(id: string, candidate: CoreCandidate): void
}
