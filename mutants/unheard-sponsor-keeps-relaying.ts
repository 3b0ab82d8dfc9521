import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'cluster/driver.ts',
  find: `    this.#touch.isHeard(this.#raft.isHeard, now)
`,
  replace: '',
  claim: 'A peer that the Raft leader does not hear keeps no session alive, although a majority hears it.',
  source: 'found here, in review; Cloudflare 2020-11-02 (one-way links)',
}
