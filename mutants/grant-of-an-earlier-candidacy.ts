import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'backends/raft-candidacy.ts',
  find: `    if (this.#state.is !== 'waiting') return
    this.#become({ is: 'granted', token })`,
  replace: `    if (this.#state.is !== 'waiting' && this.#state.is !== 'asking') return
    this.#become({ is: 'granted', token })`,
  claim: 'The news of a grant that belongs to a cancelled candidacy wins nothing for the next one.',
  source: 'reliability survey S10; redlock#309',
}
