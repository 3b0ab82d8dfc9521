import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/proposer/refusals.ts',
  find: '  if (told < (proposer.acceptors.get(from)?.newest ?? 0))',
  replace: '  if (told < 0)',
  claim: 'Whoever was told that an instance is free does not believe an older answer that it is taken.',
  source: 'found by the simulator: Paxos storm, seed 1058',
}
