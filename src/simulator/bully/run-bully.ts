/** The run of one seed of a bully with a quorum: one synchronous function of its plan. */
import type { CorePlan } from '../core/core-plan.ts'
import type { CoreLog } from '../core/core-surroundings.ts'
import { drawCorePlan } from '../core/draw-core-plan.ts'
import type { DrawOptions } from '../draw-plan.ts'
import { lineOf } from '../sweep/event-line.ts'
import type { FoundViolation, Line, SeedSummary } from '../sweep/summary.ts'
import { Trace } from '../trace.ts'
import { BullyViolation } from './bully-claims.ts'
import type { BullyStep } from './bully-surroundings.ts'
import { BullyWorld } from './bully-world.ts'

export interface BullyRunOptions {
  /** In place of the core's own, for bugs that are planted around it. */
  readonly step?: BullyStep
  /** Told of every line of the trace. */
  readonly trace?: (line: string) => void
}

/** A violation carries so many of the last events. */
const lastLines = 200

export function runBullySeed(
  seed: bigint | string,
  options: DrawOptions & BullyRunOptions = {},
): SeedSummary {
  return runBullyPlan(drawCorePlan(String(seed), options), options)
}

export function runBullyPlan(plan: CorePlan, options: BullyRunOptions = {}): SeedSummary {
  const { world, trace, violation } = play(plan, options)
  const { claims, scheduler } = world
  return {
    seed: plan.seed,
    mode: plan.mode,
    peers: plan.peers.length,
    simulatedMs: scheduler.now,
    elections: world.elections,
    raftElections: 0,
    events: scheduler.events,
    injected: Object.fromEntries([...world.injected].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    checked: { ...claims.evaluations },
    traceHash: trace.digest(),
    // Played again, now that it is worth to write down what happens: the same plan gives the same run.
    violations: violation === null ? [] : [{ ...violation, lines: linesOf(plan, options) }],
  }
}

interface Played {
  readonly world: BullyWorld
  readonly trace: Trace
  readonly violation: Omit<FoundViolation, 'lines'> | null
}

function play(plan: CorePlan, options: BullyRunOptions, line?: (line: Line) => void): Played {
  const trace = new Trace(options.trace)
  const log: CoreLog = (actor, what, record) => line?.(lineOf(world.scheduler.now, actor, what, record ?? {}))
  const world: BullyWorld = new BullyWorld(plan, trace, {
    step: options.step,
    log: line === undefined ? undefined : log,
  })
  const { scheduler } = world
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
  if (error instanceof BullyViolation) return { invariant: error.claim, message: error.message }
  // What a core throws, it throws because something that must hold did not.
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { invariant: 'nothing-fails', message }
}

function linesOf(plan: CorePlan, { step }: BullyRunOptions): Line[] {
  let lines: Line[] = []
  play(plan, step === undefined ? {} : { step }, (line) => {
    lines.push(line)
    if (lines.length > 4 * lastLines) lines = lines.slice(-lastLines)
  })
  return lines.slice(-lastLines)
}
