import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'backends/bully/observing.ts',
  find: '    if (newest === undefined || newest.epoch < followed.highest) return',
  replace: '    if (newest === undefined) return',
  claim: 'An observer of a bully is told of no older leadership after a newer one.',
  source: 'S14: tokens never go back',
}
