import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/classic/following.ts',
  find: 'compareReigns(better.reign, own.reign) > 0',
  replace: 'false',
  claim: 'Of two leaders that meet one stops.',
  source: 'research B10',
}
