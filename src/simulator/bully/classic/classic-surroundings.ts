/** What one run of a peer sees of its machine, and both of the world around them. */
import type { ClassicMessage, ClassicRecord } from '../../../protocols/bully/classic/types.ts'
import type { Surroundings } from '../../bare/surroundings.ts'
import type { CoreClock } from '../../core/core-clock.ts'
import type { CorePlan } from '../../core/core-plan.ts'
import type { Stream } from '../../streams.ts'
import type { ClassicCandidate } from './classic-candidate.ts'
import type { ClassicClaims } from './classic-claims.ts'

/** What one turn has to make durable. */
export interface ClassicBatch {
  readonly sequence: number
  readonly records: readonly ClassicRecord[]
}

export interface ClassicHost {
  readonly id: string
  readonly place: number
  readonly clock: CoreClock
  readonly chance: Stream
  /** What is durable, and what is on its way, in that order. */
  readonly records: readonly ClassicRecord[]
  readonly pending: ClassicBatch[]
  writeTakesMs(): number
  /** The number of the oldest batch, which is durable now. */
  written(): number | undefined
}

export interface ClassicSurroundings {
  readonly plan: CorePlan
  readonly stage: Surroundings<ClassicHost, ClassicMessage>
  readonly claims: ClassicClaims
  elected(id: string, candidate: ClassicCandidate): void
}
