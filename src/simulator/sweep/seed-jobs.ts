/** What a worker is asked to do with a seed. */
import { drawPlan, type DrawOptions } from '../draw-plan.ts'
import type { Plan } from '../plan.ts'
import { runPlan, type SeedResult } from '../run.ts'
import { lineOfAction, lineOfEvent } from './event-line.ts'
import { shrink } from './shrink.ts'
import type { FoundViolation, SeedSummary, ShrunkSchedule } from './summary.ts'

export type SeedJob =
  | { readonly type: 'run'; readonly seed: string; readonly options: DrawOptions }
  | {
      readonly type: 'shrink'
      readonly seed: string
      readonly options: DrawOptions
      readonly invariant: string
      /** Real time that it may take, in ms. */
      readonly budgetMs: number
    }

export type SeedAnswer = SeedSummary | ShrunkSchedule

export function doSeedJob(job: SeedJob): Promise<SeedAnswer> {
  const plan = drawPlan(job.seed, job.options)
  return job.type === 'run' ? runPlan(plan).then(summaryOf) : shrunk(plan, job.invariant, job.budgetMs)
}

export function summaryOf(result: SeedResult): SeedSummary {
  const { seed, plan, simulatedMs, elections, raftElections, events, injected, checked, traceHash } = result
  return {
    seed,
    mode: plan.mode,
    peers: plan.peers,
    simulatedMs,
    elections,
    raftElections,
    events,
    injected,
    checked,
    traceHash,
    violations: result.violations.map(foundOf),
  }
}

function foundOf({ invariant, atMs, message, lastEvents }: SeedResult['violations'][number]): FoundViolation {
  return { invariant, atMs, message, lines: lastEvents.map(lineOfEvent) }
}

/** An action stays only if the same invariant holds without it. */
async function shrunk(plan: Plan, invariant: string, budgetMs: number): Promise<ShrunkSchedule> {
  const endsAt = performance.now() + budgetMs
  let violation: FoundViolation | null = null
  const attempt = async (actions: Plan['actions']): Promise<boolean> => {
    const result = await runPlan({ ...plan, actions })
    const same = result.violations.find((one) => one.invariant === invariant)
    if (same !== undefined) violation = foundOf(same)
    return same !== undefined
  }
  const all = plan.actions
  if (!(await attempt(all)))
    throw new Error(`seed ${plan.seed} does not break '${invariant}' when it is run again`)
  const { items, runs, minimal } = await shrink(all, attempt, () => performance.now() < endsAt)
  return {
    seed: plan.seed,
    invariant,
    actions: all.length,
    kept: items.map(lineOfAction),
    runs,
    minimal,
    violation: violation ?? { invariant, atMs: 0, message: '', lines: [] },
  }
}
