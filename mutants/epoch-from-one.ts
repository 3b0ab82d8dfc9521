import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'registry/apply.ts',
  find: `    epoch: index,
    number: 0,`,
  replace: `    epoch: 1,
    number: 0,`,
  claim: 'A1: epochs grow over all sessions and are never used twice.',
  source: 'DESIGN §4.1 A1; restate#2415 (ids must never be reused)',
}
