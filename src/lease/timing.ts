import { MandateError } from '../errors.ts'
import { timingProblems } from './timing-rules.ts'
import type { Timing } from './timing-rules.ts'

export type { Timing } from './timing-rules.ts'

export type TimingPreset = 'fast' | 'default' | 'calm'

/** A preset's name, or numbers; what is not given comes from `default`. */
export type TimingInput = TimingPreset | Partial<Timing>

const CLOCKS = { maxClockDrift: 1e-3, tickMs: 1 } as const

/**
 * `fast`: one machine or one rack. `default`: one data centre. `calm`: across regions, or on crowded machines.
 * The numbers are DESIGN §2's; heartbeat to election timeout follows Dissertation §3.9 (an order of magnitude).
 */
export const timingPresets: Readonly<Record<TimingPreset, Timing>> = {
  fast: { heartbeatMs: 50, electionTimeoutMs: [150, 300], leaseMs: 150, ...CLOCKS },
  default: { heartbeatMs: 100, electionTimeoutMs: [500, 1_000], leaseMs: 1_000, ...CLOCKS },
  calm: { heartbeatMs: 500, electionTimeoutMs: [3_000, 6_000], leaseMs: 10_000, ...CLOCKS },
}

/**
 * The timing that a user meant, or an error that lists every problem with it.
 *
 * @throws INVALID_OPTIONS naming each offending value and its fix
 */
export function resolveTiming(input: TimingInput = 'default'): Timing {
  if (typeof input === 'string') {
    if (Object.hasOwn(timingPresets, input)) return timingPresets[input]
    throw invalid(input, [`timing '${String(input)}' is unknown: use fast, default, calm, or numbers in ms`])
  }
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw invalid(input, [
      `timing is ${String(input)}: use fast, default, calm, or an object of numbers in ms`,
    ])
  }
  const known = Object.keys(timingPresets.default)
  const unknown = Object.keys(input).filter((key) => !known.includes(key))
  const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
  const timing: Timing = { ...timingPresets.default, ...given }
  const problems = unknown.map((key) => `timing.${key} is unknown: use ${known.join(', ')}`)
  problems.push(...timingProblems(timing))
  if (problems.length > 0) throw invalid(input, problems)
  return timing
}

function invalid(value: unknown, problems: readonly string[]): MandateError<'INVALID_OPTIONS'> {
  const expected = problems.join('; ')
  return new MandateError('INVALID_OPTIONS', expected, { option: 'timing', value, expected })
}
