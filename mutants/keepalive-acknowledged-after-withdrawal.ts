import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/support/voter.ts',
  find: `  return withdrawn !== undefined && epoch <= withdrawn.epoch ? 'withdrawn' : null`,
  replace: `  return withdrawn !== undefined && epoch < withdrawn.epoch ? 'withdrawn' : null`,
  claim: 'A2: a voter never again acknowledges an epoch that it withdrew.',
  source: 'DESIGN §4.1 A2, A4',
}
