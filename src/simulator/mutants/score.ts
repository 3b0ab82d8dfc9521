/**
 * Scores the checks, not the code: plants each known bug in a copy of the program, and asks whether the scripted
 * schedules and the simulated world see it. A check that cannot fail is a defect (DESIGN §7).
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { MandateError } from '../../errors.ts'
import { cloneRoot, readMutants } from './catalogue.ts'
import type { NamedMutant } from './mutant.ts'
import { worldOf, type SeedWorld } from './seeds.ts'
import type { TrialOrder } from './trial.ts'
import { onTrial, type Sight, type TrialLimits, type Verdict } from './trials.ts'
import { openWorkshop } from './workshop.ts'

export interface ScoreOptions {
  /** Only these, by name. @default all in `mutants/` */
  readonly only?: readonly string[] | undefined
  /** Instead of those in `mutants/`. */
  readonly mutants?: readonly NamedMutant[] | undefined
  /** How many seeds each mutant may survive before it counts as missed. @default 100 */
  readonly seeds?: number | undefined
  /** @default 1 */
  readonly firstSeed?: number | undefined
  /** Real time that one mutant may take, in ms. @default 60000 */
  readonly mutantWallMs?: number | undefined
  /** Real time for seeds when a schedule has seen the mutant already, in ms. @default 6000 */
  readonly alsoMs?: number | undefined
  /**
   * `first`: what a scripted schedule sees needs no seed. `also`: seeds are tried all the same, to score the simulator's
   * own sight. `none`: seeds only.
   * @default 'also'
   */
  readonly schedules?: TrialOrder['schedules'] | undefined
  /** Processes at once. @default one a core */
  readonly parallel?: number | undefined
  /** A line for each mutant as it is done. @default to stderr */
  readonly progress?: ((line: string) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

export interface MutantScore {
  readonly name: string
  readonly file: string
  readonly claim: string
  readonly source: string
  readonly caught: boolean
  /** `schedule:NAME` or `seed`; null if missed. */
  readonly by: string | null
  /** What was seen to be violated: the invariant, or the claim of the schedule. */
  readonly invariant: string | null
  readonly message: string | null
  /** Including the one that saw it. */
  readonly seedsTried: number
  /** The seed that saw it; null also where a schedule did and no seed was asked. */
  readonly firstSeed: string | null
  /** The invariant that failed with that seed. */
  readonly seedInvariant: string | null
  readonly wallMs: number
}

export interface ScoreReport {
  readonly total: number
  readonly caught: number
  readonly missed: readonly string[]
  /** The program without a planted bug passes the schedules and all the seeds. */
  readonly cleanPasses: boolean
  /** Where it does not; these seeds are not counted for any mutant. */
  readonly cleanFailures: readonly Sight[]
  /** Of the mutants that seeds caught; 0 if there is none. */
  readonly medianSeeds: number
  readonly wallMs: number
  readonly mutants: readonly MutantScore[]
}

/** No seed takes a second on a quiet machine; on a crowded one a minute has been seen. */
const silenceMs = 120_000

/**
 * @throws UNSUPPORTED outside of a clone with its development tools
 * @throws INVALID_OPTIONS for a name that is no mutant's, or a mutant that does not fit the code any more
 */
export async function scoreMutants(options: ScoreOptions = {}): Promise<ScoreReport> {
  const startedAt = performance.now()
  const {
    seeds = 100,
    firstSeed = 1,
    mutantWallMs = 60_000,
    alsoMs = 6_000,
    schedules = 'also',
    signal,
  } = options
  const { parallel = availableParallelism(), progress = toStderr } = options
  const root = cloneRoot()
  mkdirSync(join(root, '.cache'), { recursive: true })
  const scratch = mkdtempSync(join(root, '.cache/mutants-'))
  try {
    const mutants = chosen(options.mutants ?? (await readMutants(root, scratch)), options.only)
    const workshop = await openWorkshop(root, scratch, mutants)
    const limits: TrialLimits = { wallMs: mutantWallMs, alsoMs, silenceMs, signal }
    const worlds = [...new Set(mutants.map(({ file }) => worldOf(file)))].toSorted()
    progress(`the program without a bug: ${schedules === 'none' ? '' : 'schedules and '}${seeds} seeds`)
    const failures: Sight[] = []
    /** Of each world, the seeds that the program without a bug fails too. */
    const except = new Map<SeedWorld, readonly number[]>()
    for (const [index, world] of worlds.entries()) {
      const order = { schedules: index === 0 ? schedules : 'none', world, firstSeed, seeds } as const
      const failed = await cleanRuns(workshop.clean, order, parallel, limits)
      for (const { by, invariant, message } of failed)
        progress(`WITHOUT a planted bug fails ${by} (${world}): ${invariant}: ${message}`)
      except.set(world, failed.map(({ by }) => Number(by)).filter(Number.isInteger))
      failures.push(...failed)
    }
    const scores = await eachInTurn(mutants, parallel, async (mutant, done) => {
      signal?.throwIfAborted()
      const program = workshop.build(mutant)
      const world = worldOf(mutant.file)
      const order = { schedules, world, firstSeed, seeds, except: except.get(world) ?? [] }
      const verdict = await onTrial(program, order, limits)
      workshop.discard(mutant)
      const score = scoreOf(mutant, verdict)
      progress(`${String(done + 1).padStart(3)}/${mutants.length} ${lineOf(score)}`)
      return score
    })
    const missed = scores.filter((score) => !score.caught).map((score) => score.name)
    return {
      total: scores.length,
      caught: scores.length - missed.length,
      missed,
      cleanPasses: failures.length === 0,
      cleanFailures: failures,
      medianSeeds: median(scores.filter(bySeed).map((score) => score.seedsTried)),
      wallMs: performance.now() - startedAt,
      mutants: scores,
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

function chosen(
  mutants: readonly NamedMutant[],
  only: readonly string[] | undefined,
): readonly NamedMutant[] {
  if (only === undefined) return mutants
  return only.map((name) => {
    const mutant = mutants.find((one) => one.name === name)
    if (mutant !== undefined) return mutant
    throw new MandateError(
      'INVALID_OPTIONS',
      `There is no planted bug '${name}'; the folder mutants/ holds them.`,
      {
        option: 'only',
        value: name,
        expected: 'names of files in mutants/',
      },
    )
  })
}

function scoreOf({ name, file, claim, source }: NamedMutant, verdict: Verdict): MutantScore {
  const { schedule, seed, seedsTried, wallMs } = verdict
  const sight = schedule ?? seed
  return {
    name,
    file,
    claim,
    source,
    caught: sight !== null,
    by: schedule === null ? seed && 'seed' : `schedule:${schedule.by}`,
    invariant: sight?.invariant ?? null,
    message: sight?.message ?? null,
    seedsTried,
    firstSeed: seed?.by ?? null,
    seedInvariant: seed?.invariant ?? null,
    wallMs,
  }
}

function bySeed({ firstSeed }: MutantScore): boolean {
  return firstSeed !== null
}

/** The seeds are dealt out to all cores; the schedules go with the first share. Returns what fails, and should not. */
async function cleanRuns(
  program: string,
  order: Omit<TrialOrder, 'except'>,
  parallel: number,
  limits: TrialLimits,
): Promise<Sight[]> {
  const share = Math.ceil(order.seeds / parallel)
  const shares = Array.from({ length: parallel }, (_, at): TrialOrder => ({
    schedules: at === 0 ? order.schedules : 'none',
    world: order.world ?? 'raft',
    firstSeed: order.firstSeed + at * share,
    except: [],
    all: true,
    seeds: Math.max(0, Math.min(share, order.seeds - at * share)),
  }))
  // A slow machine must not pass for a clean program: no limit but that of each seed.
  const patient = { ...limits, wallMs: 2 ** 31 - 1, alsoMs: 2 ** 31 - 1 }
  const verdicts = await eachInTurn(shares, parallel, (one) => onTrial(program, one, patient))
  return verdicts.flatMap(({ schedule, seeds }) => (schedule === null ? seeds : [schedule, ...seeds]))
}

/** `parallel` at once; results in the order of `items`. */
async function eachInTurn<Item, Result>(
  items: readonly Item[],
  parallel: number,
  work: (item: Item, done: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  let next = 0
  let done = 0
  const worker = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) {
      results[at] = await work(items[at] as Item, done)
      done += 1
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, parallel) }, worker))
  return results
}

function lineOf({ name, by, firstSeed, seedsTried, invariant, wallMs }: MutantScore): string {
  const time = `${(wallMs / 1000).toFixed(1)} s`
  if (by === null) return `MISSED ${name} after ${seedsTried} seeds (${time})`
  const how = [by === 'seed' ? null : by, firstSeed === null ? null : `seed ${firstSeed}`]
  return `caught ${name} by ${how.filter((one) => one !== null).join(' and ')}: ${invariant} (${time})`
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((left, right) => left - right)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
}

function toStderr(line: string): void {
  process.stderr.write(`${line}\n`)
}
