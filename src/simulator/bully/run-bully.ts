/** The run of one seed of a bully with a quorum. */
import { runBarePlan } from '../bare/run-plan.ts'
import type { CorePlan } from '../core/core-plan.ts'
import { drawCorePlan } from '../core/draw-core-plan.ts'
import type { DrawOptions } from '../draw-plan.ts'
import type { SeedSummary } from '../sweep/summary.ts'
import type { BullyStep } from './bully-surroundings.ts'
import { BullyWorld } from './bully-world.ts'

export interface BullyRunOptions {
  /** In place of the core's own, for bugs that are planted around it. */
  readonly step?: BullyStep
  /** Told of every line of the trace. */
  readonly trace?: (line: string) => void
}

export function runBullySeed(
  seed: bigint | string,
  options: DrawOptions & BullyRunOptions = {},
): SeedSummary {
  return runBullyPlan(drawCorePlan(String(seed), options), options)
}

export function runBullyPlan(plan: CorePlan, { step, trace: traced }: BullyRunOptions = {}): SeedSummary {
  return runBarePlan(plan, (own, trace, log) => new BullyWorld(own, trace, { step, log }), traced)
}
