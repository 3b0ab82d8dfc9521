import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'backends/engine/candidacy.ts',
  find: `    return this.#state.is === 'held' && this.#duties.tokenBase + BigInt(this.#state.token) === token
`,
  replace: `    return this.#state.is === 'held' && token > 0n
`,
  claim: 'A request of an operator ends the leadership that it names, also where there is no log.',
  source: 'DESIGN §2 (tokens); an operator whose request is held up by a partition',
}
