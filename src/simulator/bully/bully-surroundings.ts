/** What one run of a peer sees of its machine, and both of the world around them. */
import type { step } from '../../protocols/bully/step.ts'
import type { BullyMessage, BullyRecord, Led } from '../../protocols/bully/types.ts'
import type { Configuration } from '../../protocols/quorum/types.ts'
import type { Surroundings } from '../bare/surroundings.ts'
import type { CoreClock } from '../core/core-clock.ts'
import type { CorePlan } from '../core/core-plan.ts'
import type { Stream } from '../streams.ts'
import type { BullyCandidate } from './bully-candidate.ts'
import type { BullyClaims } from './bully-claims.ts'

export type BullyStep = typeof step

/** What one turn has to make durable. */
export interface Batch {
  readonly sequence: number
  readonly records: readonly BullyRecord[]
}

export interface BullyHost {
  readonly id: string
  readonly place: number
  readonly clock: CoreClock
  readonly chance: Stream
  /** What is durable, and what is on its way, in that order. */
  readonly records: readonly BullyRecord[]
  readonly pending: Batch[]
  writeTakesMs(): number
  /** The oldest batch is durable now. */
  written(): Batch | undefined
}

export interface BullySurroundings {
  readonly plan: CorePlan
  readonly configuration: Configuration
  readonly preemptAfterMs: number | null
  readonly stage: Surroundings<BullyHost, BullyMessage>
  readonly claims: BullyClaims
  readonly step: BullyStep
  elected(id: string, candidate: BullyCandidate): void
  observed(place: number, election: string, led: Led | null): void
}
