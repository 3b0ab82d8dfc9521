import { describe, expect, it } from 'vitest'
import { isMandateError } from '../errors.ts'
import { deriveFigures, formatFigures } from './figures.ts'
import { timingProblems } from './timing-rules.ts'
import { resolveTiming, timingPresets } from './timing.ts'
import type { Timing, TimingInput } from './timing.ts'

function problemOf(input: unknown): string {
  try {
    resolveTiming(input as TimingInput)
  } catch (error) {
    if (!isMandateError(error, 'INVALID_OPTIONS')) throw error
    expect(error.details.option).toBe('timing')
    return error.message
  }
  throw new Error('no problem was found')
}

describe('resolveTiming', () => {
  it.each(['fast', 'default', 'calm'] as const)('accepts its own preset %s', (name) => {
    expect(resolveTiming(name)).toBe(timingPresets[name])
    expect(timingProblems(timingPresets[name])).toEqual([])
  })

  it('completes numbers from the default preset', () => {
    expect(resolveTiming({ leaseMs: 2_000 })).toEqual({ ...timingPresets.default, leaseMs: 2_000 })
    expect(resolveTiming()).toEqual(timingPresets.default)
    expect(resolveTiming({ leaseMs: undefined } as unknown as TimingInput)).toEqual(timingPresets.default)
  })

  it.each<readonly [string, unknown, string, string]>([
    ['an unknown preset', 'turbo', "'turbo'", 'fast, default, calm'],
    ['a preset named like an inherited property', 'toString', "'toString'", 'fast, default, calm'],
    ['null', null, 'null', 'fast, default, calm'],
    ['an unknown key', { heartBeatMs: 1 }, 'timing.heartBeatMs', 'heartbeatMs'],
    ['text in place of a number', { leaseMs: '1s' }, "leaseMs is '1s'", 'number of ms'],
    ['zero', { heartbeatMs: 0 }, 'heartbeatMs is 0', 'above 0'],
    ['NaN', { leaseMs: Number.NaN }, 'leaseMs is NaN', 'number of ms'],
    ['infinity', { leaseMs: Infinity }, 'leaseMs is Infinity', 'at most 2147483647'],
    ['2^31', { leaseMs: 2 ** 31 }, 'leaseMs is 2147483648', 'at most 2147483647'],
    ['one number for a range', { electionTimeoutMs: 500 }, 'electionTimeoutMs is 500', '[min, max]'],
    ['three numbers for a range', { electionTimeoutMs: [1, 2, 3] }, '[1, 2, 3]', '[min, max]'],
    ['a drift of 1 %, written as 1', { maxClockDrift: 1 }, 'maxClockDrift is 1', 'below 0.1'],
    ['no drift at all', { maxClockDrift: 0 }, 'maxClockDrift is 0', 'above 0'],
    ['a negative tick', { tickMs: -1 }, 'tickMs is -1', '0 or more'],
    ['a heartbeat of half the timeout', { heartbeatMs: 250 }, 'electionTimeoutMs[0] is 500', 'above 500'],
    ['an empty range', { electionTimeoutMs: [500, 500] }, '[500, 500]', '[500, 1000]'],
    ['a lease of two heartbeats', { leaseMs: 200 }, 'leaseMs is 200', 'raise leaseMs to 203'],
  ])('refuses %s, naming the value and the fix', (_name, input, value, fix) => {
    expect(problemOf(input)).toContain(value)
    expect(problemOf(input)).toContain(fix)
  })

  it('accepts exactly what its own fix proposes', () => {
    expect(resolveTiming({ leaseMs: 203 }).leaseMs).toBe(203)
    expect(problemOf({ leaseMs: 202 })).toContain('203')
    expect(resolveTiming({ heartbeatMs: 249 }).heartbeatMs).toBe(249)
  })

  it('lists all problems at once', () => {
    const values = problemOf({ heartbeatMs: -1, leaseMs: 0, tickMs: Number.NaN, jitter: 3 })
    for (const name of ['heartbeatMs', 'leaseMs', 'tickMs', 'jitter']) expect(values).toContain(name)
    const relations = problemOf({ heartbeatMs: 600, electionTimeoutMs: [500, 400], leaseMs: 300 })
    expect(relations.split('; ').length).toBeGreaterThanOrEqual(3)
  })
})

describe('deriveFigures', () => {
  const timing: Timing = {
    heartbeatMs: 100,
    electionTimeoutMs: [500, 1_000],
    leaseMs: 1_000,
    maxClockDrift: 0.01,
    tickMs: 2,
  }

  it('follows the formulas', () => {
    expect(deriveFigures(timing)).toEqual({
      toleratedOutageMs: 788,
      toleratedStallMs: 888,
      toleratedDrift: 0.01,
      worstTakeoverMs: { time: 1_112, token: 254.5 },
    })
  })

  it('waits for the election timeout where that is longer than the lease', () => {
    expect(deriveFigures({ ...timing, electionTimeoutMs: [1_000, 3_000] }).worstTakeoverMs.time).toBe(3_100)
  })

  it('is positive for every sound timing at its limits', () => {
    const tight = resolveTiming({ leaseMs: 203 })
    expect(deriveFigures(tight).toleratedOutageMs).toBeGreaterThanOrEqual(0)
  })

  it('prints one aligned line for each figure', () => {
    expect(formatFigures(timing)).toBe(
      [
        'tolerated outage                   788 ms',
        'tolerated stall of the event loop  888 ms',
        'tolerated clock drift              1 %',
        'worst takeover, time mode          1112 ms + round trips',
        'worst takeover, token mode         255 ms + round trips',
      ].join('\n'),
    )
  })
})
