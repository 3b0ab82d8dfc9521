import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'backends/raft-candidacy.ts',
  find: `    return this.#state.is === 'held' && this.#state.token === token
`,
  replace: `    return this.#state.is === 'held' && token > 0n
`,
  claim: 'A request of an operator ends the leadership that it names, and no younger one.',
  source: 'DESIGN §2 (tokens); an operator whose request is held up by a partition',
}
