/** The flags of `compare`. */
import { contenders, type Contender } from '../../compare/contenders.ts'
import type { Pace } from '../../compare/schedule.ts'
import type { ScheduleOptions } from '../../compare/simulated-row.ts'
import type { CommandContext } from '../command.ts'
import { invalidConfiguration } from '../config.ts'
import { flagReader, wholeNumber } from '../flag-reader.ts'

const environmentNames = ['simulator', 'processes'] as const
type Environment = (typeof environmentNames)[number]
const presets = ['fast', 'default'] as const

/** A bully of two is none, and nobody runs more than this. */
const peersRange = [3, 9] as const
const trialsMax = 10_000
const seedMax = 2 ** 32 - 1

/** Simulated time costs little, real time is what the user waits for. */
const paces = {
  simulator: { trials: 100, idleMs: 60_000, lossMs: 600_000 },
  processes: { trials: 5, idleMs: 2_000, lossMs: 5_000 },
} as const
/** Each of them may start two processes, each of which takes a descriptor. */
const processTrialsMax = 200

export interface CompareOptions {
  readonly contenders: readonly Contender[]
  readonly environments: readonly Environment[]
  readonly simulator: ScheduleOptions
  readonly processes: ScheduleOptions
  readonly seed: number
  readonly json: boolean
}

/** @throws INVALID_OPTIONS with every problem */
export function compareOptions(context: CommandContext): CompareOptions {
  const { flags, env } = context
  const { read, problems } = flagReader(context)
  const engines = read('engine', engine, { list: contenders }).list
  const environments = read('environment', environment, { list: environmentNames }).list
  const most = environments.includes('processes') ? processTrialsMax : trialsMax
  const trials = read('trials', (text) => wholeNumber(text, 1, most), undefined)
  const common = {
    peers: read('peers', (text) => wholeNumber(text, ...peersRange), 3),
    seed: read('seed', (text) => wholeNumber(text, 0, seedMax), 1),
    timing: read('timing', preset, { preset: 'fast' } as const).preset,
  }
  if (problems.length > 0) throw invalidConfiguration(problems)
  const schedule = (pace: Pace): ScheduleOptions => ({ ...common, ...pace, trials: trials ?? pace.trials })
  return {
    contenders: engines,
    environments,
    simulator: schedule(paces.simulator),
    processes: schedule(paces.processes),
    seed: common.seed,
    json: flags['json'] === true || env['MANDATE_JSON'] === 'true' || env['MANDATE_JSON'] === '1',
  }
}

function engine(text: string): { readonly list: readonly Contender[] } | string {
  if (text === 'all') return { list: contenders }
  const list = contenders.filter(({ name }) => name === text)
  const names = new Set(contenders.map(({ name }) => name))
  return list.length === 0 ? `'${text}' is no choice: write one of ${[...names, 'all'].join(', ')}` : { list }
}

function environment(text: string): { readonly list: readonly Environment[] } | string {
  if (text === 'both') return { list: environmentNames }
  const one = environmentNames.find((name) => name === text)
  return one === undefined
    ? `'${text}' is no choice: write one of ${[...environmentNames, 'both'].join(', ')}`
    : { list: [one] }
}

function preset(text: string): { readonly preset: 'fast' | 'default' } | string {
  const known = presets.find((one) => one === text)
  return known === undefined
    ? `'${text}' is no choice: write one of ${presets.join(', ')}`
    : { preset: known }
}
