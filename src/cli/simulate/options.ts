/** The flags of `simulate`, each also as a variable (INTERFACES §2). */
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import type { FaultName } from '../../simulator/draw-plan.ts'
import { levels, protocols, type Level, type Protocol } from '../../simulator/sweep/level.ts'
import type { CommandContext } from '../command.ts'
import { invalidConfiguration } from '../config.ts'
import { parseDuration } from '../duration.ts'
import { UsageError } from '../exit-codes.ts'
import { flagReader, wholeNumber } from '../flag-reader.ts'

export const faultNames = [
  'none',
  'network',
  'disk',
  'process',
  'clock',
  'api',
  'all',
  'storm',
] as const satisfies readonly FaultName[]

export interface SimulateOptions {
  readonly what: 'seeds' | 'explore' | 'mutants'
  readonly protocol: Protocol
  readonly level: Level
  /** Null: as many as `wallMs` allows, or of mutants as their scorer thinks right. */
  readonly seeds: number | null
  readonly simulatedMs: number
  readonly wallMs: number | null
  readonly firstSeed: bigint
  readonly peers: readonly [min: number, max: number]
  readonly faults: readonly FaultName[]
  readonly workers: number
  readonly record: string | undefined
  readonly json: boolean
}

const defaultSeeds = 100
const defaultSimulatedMs = 600_000
const workersMax = 256
const peersMax = 7

/** @throws INVALID_OPTIONS with every problem, UNSUPPORTED, UsageError */
export function simulateOptions(context: CommandContext): SimulateOptions {
  const { read, problems } = flagReader(context)
  const { flags, env, cwd } = context
  const protocol = flags['protocol'] ?? env['MANDATE_PROTOCOL'] ?? 'raft'
  const known = protocols.find((one) => one === protocol)
  if (known === undefined)
    problems.push(`--protocol: '${String(protocol)}' is no choice: write one of ${protocols.join(', ')}`)
  const explore = flags['explore'] === true
  const mutants = flags['mutants'] === true
  if (explore && mutants)
    throw new UsageError('--explore and --mutants are two runs\n  fix: give one of them at a time')
  const wallMs = read('wall', duration, null as number | null)
  const options: SimulateOptions = {
    what: explore ? 'explore' : mutants ? 'mutants' : 'seeds',
    protocol: known ?? 'raft',
    level: read('level', level, { level: 'full' } as const).level,
    seeds: read(
      'seeds',
      (text) => wholeNumber(text, 1, Number.MAX_SAFE_INTEGER),
      mutants || wallMs !== null ? null : defaultSeeds,
    ),
    simulatedMs: read('simulated', duration, defaultSimulatedMs),
    wallMs,
    firstSeed: read('first-seed', seedNumber, 1n),
    peers: read('peers', range, [3, peersMax] as const),
    faults: read('faults', faultList, ['all'] as const),
    workers: read('workers', (text) => wholeNumber(text, 1, workersMax), availableParallelism()),
    record: read('record', (text) => ({ path: resolve(cwd, text) }), null as { path: string } | null)?.path,
    json: flags['json'] === true || env['MANDATE_JSON'] === 'true' || env['MANDATE_JSON'] === '1',
  }
  if (options.protocol !== 'raft' && options.what !== 'seeds')
    problems.push(
      `--protocol ${options.protocol}: it says whose seeds are run, and --${options.what} takes every engine: leave out --${options.what} or --protocol`,
    )
  if (problems.length > 0) throw invalidConfiguration(problems)
  return options
}

function duration(text: string): number | string {
  const parsed = parseDuration(text)
  if (!parsed.ok) return parsed.problem
  return parsed.value < 1000 ? `'${text}' is too short: at least 1s` : parsed.value
}

function level(text: string): { level: Level } | string {
  const known = levels.find((one) => one === text)
  return known === undefined ? `'${text}' is no choice: write one of ${levels.join(', ')}` : { level: known }
}

function seedNumber(text: string): bigint | string {
  return /^\d{1,18}$/.test(text) ? BigInt(text) : `'${text}' is no seed: write a whole number of 0 or more`
}

function range(text: string): readonly [number, number] | string {
  const [first = '', last = first, ...more] = text.split('-')
  const [min, max] = [Number(first), Number(last)]
  const fits = /^\d+$/.test(first) && /^\d+$/.test(last) && more.length === 0
  if (fits && min >= 1 && min <= max && max <= peersMax) return [min, max]
  return `'${text}' is no number of peers: write one of 1 to ${peersMax}, or a range such as 3-7`
}

function faultList(text: string): readonly FaultName[] | string {
  const names = text.split(',')
  const known = names.filter((name): name is (typeof faultNames)[number] =>
    (faultNames as readonly string[]).includes(name),
  )
  if (known.length < names.length) {
    return `'${text}' is no list of faults: write some of ${faultNames.join(', ')}, with commas between them`
  }
  return known.length > 1 && known.includes('none') ? `'${text}' asks for none and for some` : known
}
