/** One seed of the simulated world, as a mutant meets it. */
import { runSeed } from '../run.ts'

export interface SeenViolation {
  readonly invariant: string
  readonly message: string
}

/** Short: what is planted shows soon or not at all, and another seed is another world. */
const simulatedMs = 15_000

/** Null: nothing was seen. Every other seed is a storm, where much goes wrong at once; the others mix fewer faults. */
export async function playSeed(seed: number): Promise<SeenViolation | null> {
  const faults = seed % 2 === 0 ? 'storm' : 'all'
  const { violations } = await runSeed(String(seed), { simulatedMs, faults: [faults] })
  const [violation] = violations
  return violation === undefined ? null : { invariant: violation.invariant, message: violation.message }
}
