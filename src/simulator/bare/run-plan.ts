/** The run of one plan of bare cores: nothing asynchronous, so it is one synchronous function of its plan. */
import { SafetyViolation } from '../../protocols/raft/testing/safety-checks.ts'
import type { CorePlan } from '../core/core-plan.ts'
import { lineOf } from '../sweep/event-line.ts'
import type { FoundViolation, Line, SeedSummary } from '../sweep/summary.ts'
import { Trace } from '../trace.ts'
import { ClaimBroken } from './claim-broken.ts'
import type { Stage } from './stage.ts'
import type { BareLog } from './surroundings.ts'

export interface BareWorld {
  readonly stage: Pick<Stage<never, never>, 'scheduler' | 'elections' | 'injected'>
  readonly claims: { readonly evaluations: { 'nothing-fails': number } & Readonly<Record<string, number>> }
  /** What the protocol itself is held to, besides. */
  readonly checked?: Readonly<Record<string, number>>
  readonly raftElections?: number
  /** Judges what must be so at the end. */
  end(): void
}

export type CreateWorld<World extends BareWorld> = (
  plan: CorePlan,
  trace: Trace,
  log: BareLog | undefined,
) => World

/** A violation carries so many of the last events. */
const lastLines = 200

/** `traced` is told of every line of the trace. */
export function runBarePlan(
  plan: CorePlan,
  create: CreateWorld<BareWorld>,
  traced?: (line: string) => void,
): SeedSummary {
  const { world, trace, violation } = play(plan, create, { traced })
  const { scheduler, elections, injected } = world.stage
  return {
    seed: plan.seed,
    mode: plan.mode,
    peers: plan.peers.length,
    simulatedMs: scheduler.now,
    elections,
    raftElections: world.raftElections ?? 0,
    events: scheduler.events,
    injected: Object.fromEntries([...injected].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    checked: { ...world.checked, ...world.claims.evaluations },
    traceHash: trace.digest(),
    // Played again, now that it is worth to write down what happens: the same plan gives the same run.
    violations: violation === null ? [] : [{ ...violation, lines: linesOf(plan, create) }],
  }
}

interface Played {
  readonly world: BareWorld
  readonly trace: Trace
  readonly violation: Omit<FoundViolation, 'lines'> | null
}

function play(
  plan: CorePlan,
  create: CreateWorld<BareWorld>,
  {
    traced,
    line,
  }: { readonly traced?: ((line: string) => void) | undefined; readonly line?: (line: Line) => void },
): Played {
  const trace = new Trace(traced)
  const log: BareLog = (actor, what, record) =>
    line?.(lineOf(world.stage.scheduler.now, actor, what, record ?? {}))
  const world: BareWorld = create(plan, trace, line === undefined ? undefined : log)
  const { scheduler } = world.stage
  try {
    while (scheduler.step(plan.simulatedMs));
    world.claims.evaluations['nothing-fails'] += 1
    world.end()
    return { world, trace, violation: null }
  } catch (error) {
    return { world, trace, violation: { ...found(error), atMs: scheduler.now } }
  }
}

function found(error: unknown): { invariant: string; message: string } {
  if (error instanceof ClaimBroken || error instanceof SafetyViolation)
    return { invariant: error.claim, message: error.message }
  // What a core throws, it throws because something that must hold did not.
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { invariant: 'nothing-fails', message }
}

function linesOf(plan: CorePlan, create: CreateWorld<BareWorld>): Line[] {
  let lines: Line[] = []
  const line = (one: Line): void => {
    lines.push(one)
    if (lines.length > 4 * lastLines) lines = lines.slice(-lastLines)
  }
  play(plan, create, { line })
  return lines.slice(-lastLines)
}
