/** One seed of the simulated world, as a mutant meets it. */
import type { DrawOptions } from '../draw-plan.ts'
import { runBullySeed } from '../bully/run-bully.ts'
import { runPaxosSeed } from '../paxos/run-paxos.ts'
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

/** Raft's is the whole stack, the others' the bare cores. */
export type SeedWorld = 'raft' | 'paxos' | 'bully'

/** Whose seeds can see a bug in this file of `src/`. */
export function worldOf(file: string): SeedWorld {
  if (file.startsWith('protocols/bully/')) return 'bully'
  return file.startsWith('protocols/paxos/') ? 'paxos' : 'raft'
}

/** Null: nothing was seen. */
export async function playSeed(seed: number, world: SeedWorld): Promise<SeenViolation | null> {
  // Up to five: enough for every kind of majority, at half the price of seven.
  const options: DrawOptions = { ...turns[seed % turns.length], peers: [3, 5] }
  const [violation] = (await runIn(world, String(seed), options)).violations
  return violation === undefined ? null : { invariant: violation.invariant, message: violation.message }
}

async function runIn(
  world: SeedWorld,
  seed: string,
  options: DrawOptions,
): Promise<{ readonly violations: readonly SeenViolation[] }> {
  switch (world) {
    case 'raft':
      return runSeed(seed, options)
    case 'paxos':
      return runPaxosSeed(seed, options)
    case 'bully':
      return runBullySeed(seed, options)
    default:
      return world satisfies never
  }
}
