import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/support/holder.ts',
  find: `    endangered = true
`,
  replace: `    endangered = false
`,
  claim: 'A5: a live session that lost voters moves to a new epoch.',
  source: 'DESIGN §4.1 A5',
}
