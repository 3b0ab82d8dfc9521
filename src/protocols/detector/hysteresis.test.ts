import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { afterCheck, unchecked, type Hysteresis, type Soundness } from './hysteresis.ts'

const play = (checks: readonly boolean[], failures = 3, successes = 2): Soundness =>
  checks.reduce<Hysteresis>((state, ok) => afterCheck(state, ok, { failures, successes }), unchecked).is

describe('hysteresis', () => {
  it.each<[string, Soundness]>([
    ['', 'unknown'],
    ['+', 'up'],
    ['-', 'down'],
    ['+--', 'up'],
    ['+---', 'down'],
    ['+--+--', 'up'],
    ['+---+', 'down'],
    ['+---++', 'up'],
    ['+---+-+', 'down'],
    ['-+-+-+', 'down'],
    ['-++', 'up'],
  ])('after %s it is %s', (checks, expected) => {
    expect(play(checks.split('').map((check) => check === '+'))).toBe(expected)
  })

  it('is what the newest run of equal checks says, read backwards', () => {
    const counts = fc.record({
      failures: fc.integer({ min: 1, max: 5 }),
      successes: fc.integer({ min: 1, max: 5 }),
    })
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }), counts, (checks, counted) => {
        expect(play(checks, counted.failures, counted.successes)).toBe(oracle(checks, counted))
      }),
    )
  })
})

/** The last point at which either a run of failures or one of successes was long enough decides; before that, the first check. */
function oracle(
  checks: readonly boolean[],
  { failures, successes }: { readonly failures: number; readonly successes: number },
): Soundness {
  for (let end = checks.length; end > 0; end--) {
    const runOf = (ok: boolean, length: number): boolean =>
      length <= end && checks.slice(end - length, end).every((check) => check === ok)
    if (runOf(false, failures)) return 'down'
    if (runOf(true, successes)) return 'up'
  }
  return checks[0] === true ? 'up' : 'down'
}
