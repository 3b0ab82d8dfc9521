import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'lease/candidate.ts',
  find: `      return retryByReading({ ...state, unresolved: { expect: phase.expect } })
`,
  replace: `      return retryByReading({ ...state, unresolved: null })
`,
  claim: 'A write whose answer was lost may still land: who leaves looks it up.',
  source: 'etcd#11456; reliability survey S10',
}
