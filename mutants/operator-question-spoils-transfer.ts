import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'backends/engine/candidacy.ts',
  find: `    const sought = this.#sought.then(() => (this.#isHeld ? this.#protocol.stands(candidate, signal) : null))
`,
  replace: `    const sought = this.#isHeld ? this.#protocol.stands(candidate, signal) : Promise.resolve(null)
`,
  claim: 'An operator who looks for one candidate does not spoil the transfer to another.',
  source: 'found while mandate transfer was built: Paxos knows one question at a time',
}
