/** The run of one seed of the classic bully. */
import { runBarePlan } from '../../bare/run-plan.ts'
import type { CorePlan } from '../../core/core-plan.ts'
import { drawCorePlan } from '../../core/draw-core-plan.ts'
import type { DrawOptions } from '../../draw-plan.ts'
import type { SeedSummary } from '../../sweep/summary.ts'
import { ClassicWorld } from './classic-world.ts'

export function runClassicSeed(seed: bigint | string, options: DrawOptions = {}): SeedSummary {
  return runClassicPlan(drawCorePlan(String(seed), options))
}

export function runClassicPlan(plan: CorePlan): SeedSummary {
  return runBarePlan(plan, (own, trace, log) => new ClassicWorld(own, trace, log))
}
