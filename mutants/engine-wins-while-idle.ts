import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'backends/engine/candidacy.ts',
  find: '    if (renewal === null) return this.#duties.unsupported()',
  replace: '    if (renewal === null) return',
  claim: 'A win that came while no majority supported the session is told when one does again.',
  source: 'found here: a holder that does not know it is one keeps the election from all others',
}
