/** `mandate simulate`: the same code under every fault, seed after seed, on every core. */
import { closeSync, openSync } from 'node:fs'
import { MandateError } from '../../errors.ts'
import { version } from '../../version.ts'
import { addRecord, lastRecord } from '../../simulator/sweep/record.ts'
import type { RecordLine } from '../../simulator/sweep/record.ts'
import type { SeedSummary, ShrunkSchedule } from '../../simulator/sweep/summary.ts'
import { sweep } from '../../simulator/sweep/sweep.ts'
import { SimulatorThread } from '../../simulator/sweep/threads.ts'
import { noTotals, withSeed, type Totals } from '../../simulator/sweep/totals.ts'
import type { CommandContext } from '../command.ts'
import { Interrupted, interruption, type Interruption } from '../demo/interruption.ts'
import { exitCode } from '../exit-codes.ts'
import { print, printError, printJson } from '../streams.ts'
import { explore } from './explore.ts'
import { mutants } from './mutants.ts'
import { simulateOptions, type SimulateOptions } from './options.ts'
import { Progress } from './progress.ts'
import {
  neverChecked,
  resultOf,
  shrunkReport,
  violationReport,
  violationsOf,
  type SimulateResult,
  type Violation,
} from './result.ts'

/** Time that a shrunk schedule is worth. */
const shrinkMs = 60_000
const recordEveryMs = 5_000

export async function simulate(context: CommandContext): Promise<number> {
  const options = simulateOptions(context)
  const stop = interruption()
  try {
    if (options.what === 'explore') return await explore(options, stop)
    if (options.what === 'mutants') return await mutants(options, stop)
    return await new Simulation(options, stop).run()
  } finally {
    stop.dispose()
  }
}

class Simulation {
  readonly #options: SimulateOptions
  readonly #stop: Interruption
  readonly #beganAt = performance.now()
  readonly #progress = new Progress()
  readonly #resumed: RecordLine | null
  readonly #parameters: RecordLine['parameters']
  readonly #violations: Violation[] = []
  #totals: Totals
  #recordedAt = performance.now()
  #failed: SeedSummary | null = null

  constructor(options: SimulateOptions, stop: Interruption) {
    this.#options = options
    this.#stop = stop
    const { protocol, level, simulatedMs, peers, faults } = options
    // Records of Raft, and of the whole stack, are older than the others.
    const other = { ...(level === 'core' ? { level } : {}), ...(protocol === 'raft' ? {} : { protocol }) }
    this.#parameters = { version, simulatedMs, peers, faults, ...other }
    if (options.record !== undefined) refuseUnwritable(options.record)
    this.#resumed = options.record === undefined ? null : lastRecord(options.record, this.#parameters)
    this.#totals = this.#resumed?.totals ?? noTotals
  }

  async run(): Promise<number> {
    const { options, wallMs } = { options: this.#options, wallMs: this.#options.wallMs }
    const { protocol, level, peers, simulatedMs, faults } = options
    const threads = Array.from(
      { length: options.workers },
      () => new SimulatorThread({ protocol, level, peers, simulatedMs, faults }),
    )
    let shrunk: ShrunkSchedule | null = null
    try {
      await sweep({
        workers: threads,
        firstSeed: BigInt(this.#nextSeed()),
        seeds: options.seeds,
        mayStart: () => wallMs === null || performance.now() - this.#beganAt < wallMs,
        done: (summary) => this.#took(summary),
        signal: this.#stop.signal,
      })
      this.#record()
      const thread = threads[0]
      if (this.#failed !== null && thread !== undefined && !this.#stop.signal.aborted) {
        shrunk = await this.#shrink(thread, this.#failed)
      }
    } finally {
      this.#progress.clear()
      await Promise.all(threads.map((thread) => thread.end()))
    }
    return this.#conclude(shrunk)
  }

  #nextSeed(): string {
    return this.#resumed?.nextSeed ?? String(this.#options.firstSeed)
  }

  #took(summary: SeedSummary): void {
    this.#totals = withSeed(this.#totals, summary)
    if (summary.violations.length > 0) {
      this.#failed ??= summary
      this.#violations.push(...violationsOf(summary, this.#options))
      this.#progress.clear()
      for (const found of summary.violations) printError(violationReport(summary, found, this.#options))
    }
    if (performance.now() - this.#recordedAt > recordEveryMs) this.#record()
    const { seeds, simulatedMs, elections } = this.#totals
    this.#progress.show(this.#part(), () => {
      const ran = simulatedMs - (this.#resumed?.totals.simulatedMs ?? 0)
      const speed = Math.round(ran / (performance.now() - this.#beganAt))
      return `seed ${summary.seed} (${seeds}), ${days(simulatedMs)} days, ${elections} elections, ${speed} x real time`
    })
  }

  #part(): number | null {
    const { seeds, wallMs } = this.#options
    const ran = this.#totals.seeds - (this.#resumed?.totals.seeds ?? 0)
    const bySeeds = seeds === null ? 0 : ran / seeds
    const byWall = wallMs === null ? 0 : (performance.now() - this.#beganAt) / wallMs
    return Math.max(bySeeds, byWall)
  }

  #record(): void {
    const { record } = this.#options
    this.#recordedAt = performance.now()
    if (record === undefined) return
    const { firstSeed } = this.#span()
    addRecord(record, {
      schemaVersion: 1,
      parameters: this.#parameters,
      firstSeed,
      nextSeed: String(BigInt(firstSeed) + BigInt(this.#totals.seeds)),
      totals: this.#totals,
      wallMs: this.#wallMs(),
      at: Date.now(),
    })
  }

  #span(): { firstSeed: string } {
    return { firstSeed: this.#resumed?.firstSeed ?? String(this.#options.firstSeed) }
  }

  #wallMs(): number {
    return Math.round((this.#resumed?.wallMs ?? 0) + performance.now() - this.#beganAt)
  }

  async #shrink(
    thread: SimulatorThread,
    { seed, violations: [found] }: SeedSummary,
  ): Promise<ShrunkSchedule | null> {
    if (found === undefined) return null
    printError(`\nshrinking the schedule of seed ${seed}, for at most ${shrinkMs / 1000} s …`)
    const shrunk = await Promise.race([
      thread.shrink(seed, found.invariant, shrinkMs),
      new Promise<null>((resolve) =>
        this.#stop.signal.addEventListener('abort', () => resolve(null), { once: true }),
      ),
    ])
    if (shrunk !== null) printError(shrunkReport(shrunk))
    return shrunk
  }

  #conclude(shrunk: ShrunkSchedule | null): number {
    const { firstSeed } = this.#span()
    const result = resultOf(this.#options, this.#totals, {
      firstSeed,
      wallMs: this.#wallMs(),
      violations: this.#violations,
      shrunk,
    })
    const unchecked = neverChecked(result)
    const line = summaryLine(result, this.#totals.violations)
    if (this.#options.json) {
      printJson('simulate', version, result)
      printError(`mandate: ${line}`)
    } else print(line)
    for (const name of unchecked) printError(`mandate: '${name}' was never put to the test`)
    const { reason } = this.#stop.signal as { reason: unknown }
    if (this.#totals.violations > 0 || unchecked.length > 0) return exitCode.negative
    if (reason instanceof Interrupted) return reason.exitCode
    return exitCode.done
  }
}

/** Before the first seed: at the first record, minutes of work would be lost. @throws INVALID_OPTIONS */
function refuseUnwritable(path: string): void {
  try {
    closeSync(openSync(path, 'a'))
  } catch (cause) {
    const message = `--record: ${path} cannot be written: ${(cause as Error).message}`
    throw new MandateError('INVALID_OPTIONS', message, { option: 'record', value: path }, { cause })
  }
}

export function summaryLine(result: SimulateResult, violations: number): string {
  const { simulatedMs, elections, raftElections, seeds, speed, workers } = result
  return (
    `simulated ${days(simulatedMs)} days in ${seeds} seeds from ${result.firstSeed}, ${elections} elections ` +
    `(${raftElections} of a Raft leader), ${violations} violations; ${Math.round(speed)} x real time on ${workers} workers`
  )
}

function days(ms: number): string {
  return (ms / 86_400_000).toFixed(ms < 86_400_000 ? 3 : 1)
}
