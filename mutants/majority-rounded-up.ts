import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/quorum/majority.ts',
  find: '  return Math.floor(count / 2) + 1',
  replace: '  return Math.ceil(count / 2)',
  claim: 'Half of the voters are no majority.',
  source: 'Raft §5.2; algorithms survey item 19',
}
