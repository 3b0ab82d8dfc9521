import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/reads.ts',
  find: 'round: leader.round + 1 })',
  replace: 'round: leader.round })',
  claim: 'A read is confirmed by a round that began after it was asked.',
  source: 'Dissertation §6.4',
}
