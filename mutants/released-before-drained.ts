import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'election/standing.ts',
  find: `    await this.#drained
`,
  replace: `    await Promise.resolve()
`,
  claim: 'The election is released after its work has drained.',
  source: 'Cilium#42920 (the stop hook outlives the lease); etcdctl lock 3.4',
}
