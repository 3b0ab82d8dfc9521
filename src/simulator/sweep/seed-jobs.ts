/** What a worker is asked to do with a seed. */
import type { CoreAction, CorePlan } from '../core/core-plan.ts'
import { drawCorePlan } from '../core/draw-core-plan.ts'
import { runCorePlan } from '../core/run-core.ts'
import { runClassicPlan } from '../bully/classic/run-classic.ts'
import { runBullyPlan } from '../bully/run-bully.ts'
import { drawPlan, type DrawOptions } from '../draw-plan.ts'
import { drawPaxosPlan } from '../paxos/paxos-plan.ts'
import { runPaxosPlan } from '../paxos/run-paxos.ts'
import type { Action } from '../plan.ts'
import { runPlan, type SeedResult } from '../run.ts'
import { Stream } from '../streams.ts'
import { lineOfAction, lineOfEvent } from './event-line.ts'
import type { Level, Protocol } from './level.ts'
import { shrink } from './shrink.ts'
import type { FoundViolation, SeedSummary, ShrunkSchedule } from './summary.ts'

export interface SeedOptions extends DrawOptions {
  /** @default 'full' */
  readonly level?: Level
}

export type SeedJob =
  | { readonly type: 'run'; readonly seed: string; readonly options: SeedOptions }
  | {
      readonly type: 'shrink'
      readonly seed: string
      readonly options: SeedOptions
      readonly invariant: string
      /** Real time that it may take, in ms. */
      readonly budgetMs: number
    }

export type SeedAnswer = SeedSummary | ShrunkSchedule

/** How a seed of the bare cores is drawn and run. */
const coreWorlds: {
  readonly [protocol in Protocol]: {
    readonly draw: typeof drawCorePlan
    readonly runWith: (plan: CorePlan) => SeedSummary
  }
} = {
  raft: { draw: drawCorePlan, runWith: runCorePlan },
  paxos: { draw: drawPaxosPlan, runWith: runPaxosPlan },
  bully: { draw: drawCorePlan, runWith: runEitherBully },
}

/** A quarter of the seeds of a bully run the classic one, without a quorum. */
function runEitherBully(plan: CorePlan): SeedSummary {
  const isClassic = new Stream(`${plan.seed} which bully`).chance(0.25)
  return isClassic ? runClassicPlan(plan) : runBullyPlan(plan)
}

export async function doSeedJob(job: SeedJob): Promise<SeedAnswer> {
  const { seed, options } = job
  if (options.level === 'core') {
    const { draw, runWith } = coreWorlds[options.protocol ?? 'raft']
    const plan = draw(seed, options)
    const run = async (actions: readonly CoreAction[]): Promise<SeedSummary> => runWith({ ...plan, actions })
    return job.type === 'run' ? run(plan.actions) : shrunk({ seed, actions: plan.actions, run }, job)
  }
  const plan = drawPlan(seed, options)
  const run = async (actions: readonly Action[]): Promise<SeedSummary> =>
    summaryOf(await runPlan({ ...plan, actions }))
  return job.type === 'run' ? run(plan.actions) : shrunk({ seed, actions: plan.actions, run }, job)
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

/** The actions of a plan, and how to run it with some of them. */
interface Schedule<One extends Action | CoreAction> {
  readonly seed: string
  readonly actions: readonly One[]
  run(actions: readonly One[]): Promise<SeedSummary>
}

/** An action stays only if the same invariant holds without it. */
async function shrunk<One extends Action | CoreAction>(
  { seed, actions: all, run }: Schedule<One>,
  { invariant, budgetMs }: { readonly invariant: string; readonly budgetMs: number },
): Promise<ShrunkSchedule> {
  const endsAt = performance.now() + budgetMs
  let violation: FoundViolation | null = null
  const attempt = async (actions: readonly One[]): Promise<boolean> => {
    const same = (await run(actions)).violations.find((one) => one.invariant === invariant)
    if (same !== undefined) violation = same
    return same !== undefined
  }
  if (!(await attempt(all)))
    throw new Error(`seed ${seed} does not break '${invariant}' when it is run again`)
  const { items, runs, minimal } = await shrink(all, attempt, () => performance.now() < endsAt)
  return {
    seed,
    invariant,
    actions: all.length,
    kept: items.map(lineOfAction),
    runs,
    minimal,
    violation: violation ?? { invariant, atMs: 0, message: '', lines: [] },
  }
}
