import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/voting.ts',
  find: `    if (withdrawn.has(of.session)) return true
`,
  replace: `    return true
`,
  claim: 'A vote replaces another one only if what that elected is surely past.',
  source: 'DESIGN §4.1, §4.4',
}
