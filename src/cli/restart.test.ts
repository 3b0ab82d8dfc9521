import { expect, test } from 'vitest'
import { RestartPause, startsAgain } from './restart.ts'

test.each([
  ['never', 0, false],
  ['never', 1, false],
  ['on-failure', 0, false],
  ['on-failure', 1, true],
  ['on-failure', 137, true],
  ['always', 0, true],
  ['always', 1, true],
] as const)('--restart %s after exit code %i: %s', (policy, code, again) => {
  expect(startsAgain(policy, code)).toBe(again)
})

test('pauses double up to ten seconds, and begin anew after a sound run', () => {
  const pause = new RestartPause()
  const pauses = Array.from({ length: 9 }, () => pause.after(5))
  expect(pauses).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
  expect(pause.after(9_999)).toBe(10_000)
  expect(pause.after(10_000)).toBe(100)
})
