/** The run of one seed with the bare Paxos cores. */
import { runBarePlan } from '../bare/run-plan.ts'
import type { CorePlan } from '../core/core-plan.ts'
import type { DrawOptions } from '../draw-plan.ts'
import type { SeedSummary } from '../sweep/summary.ts'
import { drawPaxosPlan } from './paxos-plan.ts'
import { PaxosWorld } from './paxos-world.ts'

export function runPaxosSeed(seed: bigint | string, options: DrawOptions = {}): SeedSummary {
  return runPaxosPlan(drawPaxosPlan(String(seed), options))
}

export function runPaxosPlan(plan: CorePlan): SeedSummary {
  return runBarePlan(plan, (own, trace, log) => new PaxosWorld(own, trace, log))
}
