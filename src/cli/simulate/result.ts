/** What `simulate` answers (INTERFACES §3). */
import { formatDuration } from '../duration.ts'
import type { FoundViolation, SeedSummary, ShrunkSchedule } from '../../simulator/sweep/summary.ts'
import type { Level, Protocol } from '../../simulator/sweep/level.ts'
import type { Totals } from '../../simulator/sweep/totals.ts'
import { laneTable, lineText } from './lanes.ts'
import type { SimulateOptions } from './options.ts'

export interface Violation {
  readonly invariant: string
  readonly seed: string
  readonly atMs: number
  readonly message: string
  /** The exact command. */
  readonly repeat: string
  readonly events: readonly string[]
}

export interface SimulateResult {
  readonly protocol: Protocol
  readonly level: Level
  readonly seeds: number
  readonly firstSeed: string
  readonly peers: readonly [number, number]
  readonly faults: readonly string[]
  readonly simulatedMs: number
  readonly wallMs: number
  /** Simulated time by real time, of all workers together. */
  readonly speed: number
  readonly workers: number
  readonly elections: number
  readonly raftElections: number
  readonly events: number
  readonly modes: { readonly safety: number; readonly liveness: number }
  readonly injected: Readonly<Record<string, number>>
  readonly checked: Readonly<Record<string, number>>
  readonly traceHash: string
  readonly violations: readonly Violation[]
  readonly shrunk: ShrunkSchedule | null
}

export function resultOf(
  options: SimulateOptions,
  totals: Totals,
  found: {
    readonly firstSeed: string
    readonly wallMs: number
    readonly violations: readonly Violation[]
    readonly shrunk: ShrunkSchedule | null
  },
): SimulateResult {
  const { wallMs } = found
  return {
    protocol: options.protocol,
    level: options.level,
    seeds: totals.seeds,
    firstSeed: found.firstSeed,
    peers: totals.seeds === 0 ? options.peers : totals.peers,
    faults: options.faults,
    simulatedMs: totals.simulatedMs,
    wallMs,
    speed: wallMs === 0 ? 0 : Math.round((10 * totals.simulatedMs) / wallMs) / 10,
    workers: options.workers,
    elections: totals.elections,
    raftElections: totals.raftElections,
    events: totals.events,
    modes: totals.modes,
    injected: totals.injected,
    checked: totals.checked,
    traceHash: totals.traceHash,
    violations: found.violations,
    shrunk: found.shrunk,
  }
}

export function violationsOf(summary: SeedSummary, options: SimulateOptions): Violation[] {
  return summary.violations.map((violation) => ({
    invariant: violation.invariant,
    seed: summary.seed,
    atMs: violation.atMs,
    message: violation.message,
    repeat: repeatCommand(summary.seed, options),
    events: violation.lines.map(lineText),
  }))
}

export function repeatCommand(
  seed: string,
  { protocol, level, simulatedMs, peers: [least, most], faults }: SimulateOptions,
): string {
  const peers = least === most ? `${least}` : `${least}-${most}`
  const engine = protocol === 'raft' ? '' : `--protocol ${protocol} `
  const cores = level === 'core' ? '--level core ' : ''
  return `mandate simulate ${engine}${cores}--seeds 1 --first-seed ${seed} --simulated ${formatDuration(simulatedMs)} --peers ${peers} --faults ${faults.join(',')}`
}

/** A claim that was never put to the test over a simulated day of everything was not checked at all. */
export function neverChecked({ faults, simulatedMs, checked }: SimulateResult): string[] {
  const dayMs = 86_400_000
  if (simulatedMs < dayMs || !(faults.includes('all') || faults.includes('storm'))) return []
  return Object.keys(checked).filter((name) => checked[name] === 0)
}

/** For people: what was found, how it came to that, and how to see it again. */
export function violationReport(
  summary: SeedSummary,
  found: FoundViolation,
  options: SimulateOptions,
): string {
  return [
    `VIOLATION of ${found.invariant}, seed ${summary.seed}, ${Math.round(found.atMs)} ms after its start:`,
    `  ${found.message}`,
    `  parameters: ${summary.peers} peers, mode ${summary.mode}, faults ${options.faults.join(',')}, ${formatDuration(options.simulatedMs)} simulated`,
    '',
    laneTable(found.lines),
    '',
    `repeat: ${repeatCommand(summary.seed, options)}`,
  ].join('\n')
}

export function shrunkReport(shrunk: ShrunkSchedule): string {
  const { actions, kept, runs, minimal, violation } = shrunk
  const end = minimal ? 'each of which is needed' : 'the time for more was over'
  return [
    `shrunk: of ${actions} actions ${kept.length} still break ${shrunk.invariant}, ${end} (${runs} runs):`,
    ...(kept.length === 0 ? ['  none: it happens by itself'] : kept.map((line) => `  ${lineText(line)}`)),
    '',
    `what happens then, up to the violation at ${Math.round(violation.atMs)} ms (${violation.message}):`,
    laneTable(violation.lines),
  ].join('\n')
}
