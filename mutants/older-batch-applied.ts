import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'registry/apply.ts',
  find: `  if (number < session.number) return
  if (number > session.number) {
`,
  replace: `  if (number !== session.number) {
`,
  claim: 'An older batch that comes again changes nothing.',
  source: 'Raft §8 (client serial numbers)',
}
