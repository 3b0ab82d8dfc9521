import type { Random } from '../seams/random.ts'

/** Chance that one seed repeats (mulberry32: 32 bits of state, good enough to vary a test). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const bits = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  return {
    next: () => bits() / 2 ** 32,
    id: () => bits().toString(16).padStart(8, '0') + bits().toString(16).padStart(8, '0'),
  }
}
