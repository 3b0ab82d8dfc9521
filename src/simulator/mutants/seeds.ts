/** One seed of the simulated world, as a mutant meets it. */
import type { DrawOptions } from '../draw-plan.ts'
import { runSeed } from '../run.ts'

export interface SeenViolation {
  readonly invariant: string
  readonly message: string
}

/**
 * Short, for what is planted shows soon or not at all, and another seed is another world. In turn: a storm, where much
 * goes wrong at once; fewer faults, mixed; and a core that is whole for long enough to be judged, with the rest broken
 * for ever.
 */
const turns: readonly DrawOptions[] = [
  { faults: ['storm'], mode: 'safety', simulatedMs: 12_000 },
  { faults: ['all'], mode: 'safety', simulatedMs: 15_000 },
  { faults: ['all'], mode: 'liveness', simulatedMs: 25_000 },
]

/** Null: nothing was seen. */
export async function playSeed(seed: number): Promise<SeenViolation | null> {
  // Up to five: enough for every kind of majority, at half the price of seven.
  const { violations } = await runSeed(String(seed), { ...turns[seed % turns.length], peers: [3, 5] })
  const [violation] = violations
  return violation === undefined ? null : { invariant: violation.invariant, message: violation.message }
}
