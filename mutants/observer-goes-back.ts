import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'cluster/reader.ts',
  find: `      if (state.token < following.newest) return
`,
  replace: '',
  claim: 'An observer that changes its sponsor is never taken back in time.',
  source: 'reliability survey S14; ZOOKEEPER-2926 (session moved)',
}
