import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'backends/raft-candidacy.ts',
  find: `    if (this.#state.is === 'held') this.end('expired', cause)
    else if`,
  replace: '    if',
  claim: 'A leadership ends with the session that it was held by.',
  source: 'beats#38543 (never stops after the loss)',
}
