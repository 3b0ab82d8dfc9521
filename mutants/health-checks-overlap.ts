import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'election/health.ts',
  find: `    if (this.#run === null) return this.#check()
`,
  replace: `    if (this.#run !== undefined) return this.#check()
`,
  claim: 'A check that hangs is not joined by others.',
  source: 'setInterval around an async check: the next begins while the last one hangs',
}
