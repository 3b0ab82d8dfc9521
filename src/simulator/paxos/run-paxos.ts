/** The run of one seed with the bare Paxos cores: one synchronous function of its plan. */
import type { CorePlan } from '../core/core-plan.ts'
import type { CoreLog } from '../core/core-surroundings.ts'
import type { DrawOptions } from '../draw-plan.ts'
import { lineOf } from '../sweep/event-line.ts'
import type { FoundViolation, Line, SeedSummary } from '../sweep/summary.ts'
import { Trace } from '../trace.ts'
import { PaxosViolation } from './paxos-claims.ts'
import { drawPaxosPlan } from './paxos-plan.ts'
import { PaxosWorld } from './paxos-world.ts'

/** A violation carries so many of the last events. */
const lastLines = 200

export function runPaxosSeed(seed: bigint | string, options: DrawOptions = {}): SeedSummary {
  return runPaxosPlan(drawPaxosPlan(String(seed), options))
}

export function runPaxosPlan(plan: CorePlan): SeedSummary {
  const { world, trace, violation } = play(plan)
  return {
    seed: plan.seed,
    mode: plan.mode,
    peers: plan.peers.length,
    simulatedMs: world.scheduler.now,
    elections: world.elections,
    raftElections: 0,
    events: world.scheduler.events,
    injected: Object.fromEntries([...world.injected].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    checked: { ...world.claims.evaluations },
    traceHash: trace.digest(),
    // Played again, now that it is worth to write down what happens: the same plan gives the same run.
    violations: violation === null ? [] : [{ ...violation, lines: linesOf(plan) }],
  }
}

interface Played {
  readonly world: PaxosWorld
  readonly trace: Trace
  readonly violation: Omit<FoundViolation, 'lines'> | null
}

function play(plan: CorePlan, line?: (line: Line) => void): Played {
  const trace = new Trace()
  const log: CoreLog = (actor, what, record) => line?.(lineOf(world.scheduler.now, actor, what, record ?? {}))
  const world: PaxosWorld = new PaxosWorld(plan, trace, line === undefined ? undefined : log)
  try {
    while (world.scheduler.step(plan.simulatedMs));
    world.claims.evaluations['nothing-fails'] += 1
    world.end()
    return { world, trace, violation: null }
  } catch (error) {
    return { world, trace, violation: { ...found(error), atMs: world.scheduler.now } }
  }
}

function found(error: unknown): { invariant: string; message: string } {
  if (error instanceof PaxosViolation) return { invariant: error.claim, message: error.message }
  // What a core throws, it throws because something that must hold did not.
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { invariant: 'nothing-fails', message }
}

function linesOf(plan: CorePlan): Line[] {
  let lines: Line[] = []
  play(plan, (line) => {
    lines.push(line)
    if (lines.length > 4 * lastLines) lines = lines.slice(-lastLines)
  })
  return lines.slice(-lastLines)
}
