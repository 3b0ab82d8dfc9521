/** The run of one seed with the Raft cores alone. */
import { runBarePlan } from '../bare/run-plan.ts'
import type { DrawOptions } from '../draw-plan.ts'
import type { SeedSummary } from '../sweep/summary.ts'
import type { CorePlan } from './core-plan.ts'
import type { RaftStep } from './core-surroundings.ts'
import { CoreWorld } from './core-world.ts'
import { drawCorePlan } from './draw-core-plan.ts'

export interface CoreRunOptions {
  /** In place of the core's own, for bugs that are planted around it. */
  readonly step?: RaftStep
  /** Told of every line of the trace. */
  readonly trace?: (line: string) => void
}

export function runCoreSeed(seed: bigint | string, options: DrawOptions & CoreRunOptions = {}): SeedSummary {
  return runCorePlan(drawCorePlan(String(seed), options), options)
}

export function runCorePlan(plan: CorePlan, { step, trace: traced }: CoreRunOptions = {}): SeedSummary {
  return runBarePlan(plan, (own, trace, log) => new CoreWorld(own, trace, { step, log }), traced)
}
