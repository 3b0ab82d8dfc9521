/** The run of one seed. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ChannelMessages } from '../observability/channels.ts'
import { drawPlan, type DrawOptions } from './draw-plan.ts'
import type { HistoryEvent } from './history.ts'
import { invariantsOf } from './invariants/index.ts'
import type { Invariant } from './invariants/invariant.ts'
import type { Violation } from './judge.ts'
import { drainMicrotasks, inMacrotasks } from './microtasks.ts'
import type { Mode, Plan } from './plan.ts'
import { Trace } from './trace.ts'
import { World } from './world.ts'

export interface RunOptions {
  /** @default all of the engine */
  readonly invariants?: readonly Invariant[]
  /** Told of every event; costs time. */
  readonly record?: (event: HistoryEvent) => void
  /** Told of every line of the trace. */
  readonly trace?: (line: string) => void
  /** How many of the last events a violation carries. @default 200 */
  readonly lastEvents?: number
}

export interface SeenViolation extends Violation {
  /** The last before it, oldest first. */
  readonly lastEvents: readonly HistoryEvent[]
}

export interface SeedResult {
  readonly seed: string
  readonly plan: {
    readonly mode: Mode
    readonly peers: number
    readonly clients: number
    readonly faults: readonly string[]
    readonly actions: number
  }
  readonly violations: readonly SeenViolation[]
  /** Things that happened. */
  readonly events: number
  /** Leaderships that an application was told of. */
  readonly elections: number
  readonly raftElections: number
  readonly simulatedMs: number
  readonly wallMs: number
  /** Fault → how often it really struck. */
  readonly injected: Readonly<Record<string, number>>
  /** Invariant → how often it was put to the test. */
  readonly checked: Readonly<Record<string, number>>
  /** Of everything that happened, sha-256 in hex. */
  readonly traceHash: string
  /** Microtasks were drained by the slow way. */
  readonly slow: boolean
}

export function runSeed(seed: bigint | string, options: DrawOptions & RunOptions = {}): Promise<SeedResult> {
  return runPlan(drawPlan(String(seed), options), options)
}

/** So many events in one turn of the real event loop: between two of them Node tells of rejections that nobody handled. */
const SLICE = 2000

export async function runPlan(plan: Plan, options: RunOptions = {}): Promise<SeedResult> {
  const since = performance.now()
  const trace = new Trace(options.trace)
  const last = new LastEvents(options.record === undefined ? 0 : (options.lastEvents ?? 200))
  const record = options.record
  const world = new World({
    plan,
    trace,
    invariants: options.invariants ?? invariantsOf(plan.protocol),
    drain: drainMicrotasks ?? (() => undefined),
    record:
      record === undefined
        ? undefined
        : (event) => {
            last.add(event)
            record(event)
          },
  })
  let slices = 0
  await listen(world, () =>
    inMacrotasks(() => {
      slices++
      for (let i = 0; i < (drainMicrotasks === undefined ? 1 : SLICE); i++) {
        if (world.judge.failed || !world.scheduler.step(plan.simulatedMs)) return true
      }
      return false
    }),
  )
  const { judge, scheduler, counts } = world
  if (!judge.failed) world.end()
  const result = {
    seed: plan.seed,
    plan: {
      mode: plan.mode,
      peers: plan.processes.filter(({ isPeer }) => isPeer).length,
      clients: plan.processes.filter(({ isPeer }) => !isPeer).length,
      faults: plan.faults,
      actions: plan.actions.length,
    },
    violations: judge.violations.map((violation) => ({ ...violation, lastEvents: last.events })),
    events: scheduler.events,
    elections: counts.elections,
    raftElections: counts.raftElections,
    simulatedMs: scheduler.now,
    wallMs: performance.now() - since,
    injected: Object.fromEntries([...counts.injected].toSorted(byName)),
    checked: { ...judge.evaluations, 'no-unhandled-rejection': slices },
    traceHash: trace.digest(),
    slow: drainMicrotasks === undefined,
  }
  if (!judge.failed || record !== undefined) return result
  // Run again, now that it is worth to keep what happened: the same plan gives the same run.
  const again = await runPlan(plan, { ...options, record: () => undefined })
  return { ...result, violations: again.violations }
}

/** What nobody handles ends up at the process: while this seed runs, it belongs to this seed. */
async function listen(world: World, run: () => Promise<void>): Promise<void> {
  const rejected = (error: unknown): void =>
    world.judge.found('no-unhandled-rejection', world.scheduler.now, `nobody handled: ${described(error)}`)
  const thrown = (error: unknown): void =>
    world.judge.found('no-uncaught-error', world.scheduler.now, `nobody caught: ${described(error)}`)
  const stands = (message: unknown): void => {
    const { election, candidateId } = message as ChannelMessages['mandate:campaign']
    world.stands(candidateId, election)
  }
  subscribe('mandate:campaign', stands)
  process.on('unhandledRejection', rejected)
  process.on('uncaughtException', thrown)
  try {
    await run()
    // One more look at what was rejected last.
    await inMacrotasks(() => true)
    await inMacrotasks(() => true)
  } finally {
    unsubscribe('mandate:campaign', stands)
    process.off('unhandledRejection', rejected)
    process.off('uncaughtException', thrown)
  }
}

function described(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1
}

class LastEvents {
  readonly #size: number
  #events: HistoryEvent[] = []

  constructor(size: number) {
    this.#size = size
  }

  get events(): readonly HistoryEvent[] {
    return this.#events.slice(-this.#size)
  }

  add(event: HistoryEvent): void {
    if (this.#size === 0) return
    this.#events.push(event)
    if (this.#events.length > 4 * this.#size) this.#events = this.#events.slice(-this.#size)
  }
}
