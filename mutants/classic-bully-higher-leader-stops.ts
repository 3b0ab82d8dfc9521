import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/classic/following.ts',
  find: 'compareReigns(better.reign, own.reign) > 0',
  replace: 'compareReigns(better.reign, own.reign) < 0',
  claim: 'Of two leaders that meet the lower one stops.',
  source: 'Garcia-Molina 1982; research B10',
}
