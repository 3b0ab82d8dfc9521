/** One seed of the simulated world, as a mutant meets it. */
import type { DrawOptions } from '../draw-plan.ts'
import { runClassicSeed } from '../bully/classic/run-classic.ts'
import { runBullySeed } from '../bully/run-bully.ts'
import { runPaxosSeed } from '../paxos/run-paxos.ts'
import { runSeed } from '../run.ts'
import type { Protocol } from '../sweep/level.ts'

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

/** The whole stack of an engine, of Paxos and bully in turn (`logless`), or bare cores. */
export type SeedWorld = Protocol | 'logless' | 'paxos-cores' | 'bully-cores' | 'classic-bully-cores'

const worlds: readonly (readonly [folder: string, world: SeedWorld])[] = [
  ['protocols/bully/classic/', 'classic-bully-cores'],
  ['protocols/bully/', 'bully-cores'],
  ['protocols/paxos/', 'paxos-cores'],
  ['backends/bully/', 'bully'],
  ['backends/paxos/', 'paxos'],
  ['backends/engine/', 'logless'],
  ['cluster/engine/', 'logless'],
]

/** Whose seeds can see a bug in this file of `src/`. */
export function worldOf(file: string): SeedWorld {
  return worlds.find(([folder]) => file.startsWith(folder))?.[1] ?? 'raft'
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
    case 'paxos':
    case 'bully':
      return runSeed(seed, { ...options, protocol: world })
    case 'logless':
      return runSeed(seed, { ...options, protocol: Number(seed) % 2 === 0 ? 'paxos' : 'bully' })
    case 'paxos-cores':
      return runPaxosSeed(seed, options)
    case 'bully-cores':
      return runBullySeed(seed, options)
    case 'classic-bully-cores':
      return runClassicSeed(seed, options)
    default:
      return world satisfies never
  }
}
