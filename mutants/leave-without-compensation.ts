import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'backends/raft-candidacy.ts',
  find: `    if (state.is === 'asking' && state.letter.cancel()) return 'left'
`,
  replace: `    if (state.is !== 'held') return 'left'
`,
  claim: 'A cancelled campaign is taken back at the arbiter, whatever was answered until then.',
  source: 'etcd#11456; reliability survey S10',
}
