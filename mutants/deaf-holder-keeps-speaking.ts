import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'backends/raft-liveness.ts',
  find: 'if (holder !== null && this.#speaks()) {',
  replace: 'if (holder !== null) {',
  claim: 'Who hears no majority gives up what it was granted, although all voters hear it.',
  source: 'found here, by the simulator; Cloudflare 2020-11-02 (one-way links)',
}
