import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/voting.ts',
  find: 'if (ballot.epoch <= promised(seat) || !isCovered) {',
  replace: 'if (!isCovered) {',
  claim: 'No voter votes in an epoch at or below one that it voted in.',
  source: 'DESIGN §4.4 (one vote per epoch)',
}
