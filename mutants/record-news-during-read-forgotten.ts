import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'lease/observation.ts',
  find: `  return hint === 'no' || (hint !== 'somehow' && hint.to === version)
`,
  replace: `  return hint !== undefined && version !== undefined
`,
  claim: 'A release that a watch told of during a read is not waited out because the answer was older.',
  source: 'k8s watch and read on two connections; client-go polls instead',
}
