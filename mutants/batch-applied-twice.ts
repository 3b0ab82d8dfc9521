import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'registry/apply.ts',
  find: `  if (number > session.number) {
`,
  replace: `  if (number >= session.number) {
`,
  claim: 'A batch that is in the log twice is applied once.',
  source: 'reliability survey S5, S10; Raft §8 (client serial numbers)',
}
