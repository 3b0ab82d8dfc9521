/** The flags of `compare`. */
import type { ScheduleOptions } from '../../compare/simulated-row.ts'
import type { CommandContext } from '../command.ts'
import { invalidConfiguration } from '../config.ts'
import { flagReader, wholeNumber } from '../flag-reader.ts'

const presets = ['fast', 'default'] as const

/** A bully of two is none, and nobody runs more than this. */
const peersRange = [3, 9] as const
const trialsMax = 10_000
const seedMax = 2 ** 32 - 1

const IDLE_MS = 60_000
const LOSS_MS = 600_000

export interface CompareOptions extends ScheduleOptions {
  readonly json: boolean
}

/** @throws INVALID_OPTIONS with every problem */
export function compareOptions(context: CommandContext): CompareOptions {
  const { flags, env } = context
  const { read, problems } = flagReader(context)
  const options = {
    peers: read('peers', (text) => wholeNumber(text, ...peersRange), 3),
    trials: read('trials', (text) => wholeNumber(text, 1, trialsMax), 100),
    seed: read('seed', (text) => wholeNumber(text, 0, seedMax), 1),
    timing: read('timing', preset, { preset: 'default' } as const).preset,
    idleMs: IDLE_MS,
    lossMs: LOSS_MS,
    json: flags['json'] === true || env['MANDATE_JSON'] === 'true' || env['MANDATE_JSON'] === '1',
  }
  if (problems.length > 0) throw invalidConfiguration(problems)
  return options
}

function preset(text: string): { readonly preset: 'fast' | 'default' } | string {
  const known = presets.find((one) => one === text)
  return known === undefined
    ? `'${text}' is no choice: write one of ${presets.join(', ')}`
    : { preset: known }
}
