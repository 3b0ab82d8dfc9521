/** `mandate simulate --explore`: the pure cores, every state within the bounds. */
import type { Exploration } from '../../simulator/explore/explorer.ts'
import { models } from '../../simulator/explore/models.ts'
import { SimulatorThread } from '../../simulator/sweep/threads.ts'
import { version } from '../../version.ts'
import { Interrupted, type Interruption } from '../demo/interruption.ts'
import { exitCode } from '../exit-codes.ts'
import { print, printError, printJson } from '../streams.ts'
import { table } from '../table.ts'
import { laneTable } from './lanes.ts'
import type { SimulateOptions } from './options.ts'
import { Progress } from './progress.ts'
import type { Violation } from './result.ts'

const repeat = 'mandate simulate --explore'

export async function explore({ workers, json }: SimulateOptions, stop: Interruption): Promise<number> {
  const beganAt = performance.now()
  const names = Object.keys(models)
  const progress = new Progress()
  const states = new Map<string, number>()
  const explorations: Exploration[] = []
  const threads = Array.from({ length: Math.min(workers, names.length) }, () => new SimulatorThread({}))
  const waiting = [...names]
  const work = async (thread: SimulatorThread): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const model = name
      const exploration = await thread.explore(model, (count) => {
        states.set(model, count)
        progress.show(null, () => [...states].map(([one, seen]) => `${one}: ${seen} states`).join(', '))
      })
      states.delete(model)
      explorations.push(exploration)
    }
  }
  try {
    const interrupted = new Promise<void>((resolve) =>
      stop.signal.addEventListener('abort', () => resolve(), { once: true }),
    )
    await Promise.race([Promise.all(threads.map(work)), interrupted])
  } finally {
    progress.clear()
    await Promise.all(threads.map((thread) => thread.end()))
  }
  return conclude(explorations, names, performance.now() - beganAt, json, stop)
}

function conclude(
  explorations: readonly Exploration[],
  names: readonly string[],
  wallMs: number,
  json: boolean,
  stop: Interruption,
): number {
  const result = exploreResult(explorations, names, wallMs)
  for (const { model, counterexample } of explorations) {
    if (counterexample === null) continue
    const { invariant, message, steps } = counterexample
    printError(`VIOLATION of ${invariant} in ${model}, ${steps.length} lines from the start:\n  ${message}\n`)
    printError(
      laneTable(
        steps.map(({ actor, text }, index) => ({ atMs: index, actor, text })),
        400,
      ),
    )
    printError(`\nrepeat: ${repeat}`)
  }
  if (json) printJson('simulate', version, result)
  else print(exploreTable(result.models))
  if (!result.complete) printError('mandate: not complete')
  const { reason } = stop.signal as { reason: unknown }
  if (result.violations.length === 0 && reason instanceof Interrupted) return reason.exitCode
  return result.complete ? exitCode.done : exitCode.negative
}

export function exploreResult(
  explorations: readonly Exploration[],
  names: readonly string[],
  wallMs: number,
) {
  const most = (value: (one: Exploration) => number): number => Math.max(0, ...explorations.map(value))
  const sum = (value: (one: Exploration) => number): number =>
    explorations.reduce((total, one) => total + value(one), 0)
  return {
    model: names.join('+'),
    bounds: {
      peers: most(({ bounds }) => bounds.peers),
      terms: most(({ bounds }) => bounds.terms),
      messages: most(({ bounds }) => bounds.messages),
      crashes: most(({ bounds }) => bounds.crashes),
    },
    states: sum(({ states }) => states),
    transitions: sum(({ transitions }) => transitions),
    depth: most(({ depth }) => depth),
    complete: explorations.length === names.length && explorations.every(({ complete }) => complete),
    wallMs: Math.round(wallMs),
    violations: explorations.flatMap(violationOf),
    models: explorations.map(({ counterexample: _, ...rest }) => rest),
  }
}

function violationOf({ counterexample, model }: Exploration): Violation[] {
  if (counterexample === null) return []
  const { invariant, message, steps } = counterexample
  const events = steps.map(({ actor, text }) => `${actor}: ${text}`)
  return [{ invariant, seed: model, atMs: 0, message, repeat, events }]
}

function exploreTable(rows: readonly Omit<Exploration, 'counterexample'>[]): string {
  const cells = rows.map(({ model, bounds, states, transitions, depth, complete, wallMs }) => [
    model,
    `${bounds.peers}`,
    `${bounds.terms}`,
    `${bounds.messages}`,
    `${bounds.crashes}`,
    `${states}`,
    `${transitions}`,
    `${depth}`,
    complete ? 'yes' : 'NO',
    `${(wallMs / 1000).toFixed(1)} s`,
  ])
  return table(
    ['model', 'peers', 'terms', 'messages', 'crashes', 'states', 'transitions', 'depth', 'complete', 'time'],
    cells,
  )
}
