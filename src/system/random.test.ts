import { expect, it } from 'vitest'
import { systemRandom } from './random.ts'

it('draws numbers in [0, 1) that fill the range', () => {
  const random = systemRandom()
  const drawn = Array.from({ length: 1_000 }, () => random.next())
  expect(drawn.every((value) => value >= 0 && value < 1)).toBe(true)
  // Each tenth stays empty with a probability of 0.9^1000.
  const tenths = new Set(drawn.map((value) => Math.floor(value * 10)))
  expect(tenths.size).toBe(10)
})

it('never draws what it drew before, also behind the end of its pool', () => {
  const random = systemRandom()
  const drawn = Array.from({ length: 1_000 }, () => random.next())
  expect(new Set(drawn).size).toBe(1_000)
})

it('makes ids of 16 lower-case hex digits, each one new', () => {
  const random = systemRandom()
  const ids = Array.from({ length: 100 }, () => random.id())
  expect(ids.every((id) => /^[0-9a-f]{16}$/.test(id))).toBe(true)
  expect(new Set(ids).size).toBe(100)
})
