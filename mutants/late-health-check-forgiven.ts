import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'election/health.ts',
  find: `    this.#wait()
    this.#judge({ error })
`,
  replace: `    this.#wait()
`,
  claim: 'A check that takes too long counts as failed.',
  source: 'Kubernetes KEP-1972 (exec probes whose timeout was not enforced)',
}
