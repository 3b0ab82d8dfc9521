import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/classic/following.ts',
  find: 'follow(classic, out, seat, present ?? others[0] ?? null)',
  replace: 'follow(classic, out, seat, others[0] ?? present ?? null)',
  claim: 'Nobody leaves a leader that has not stopped.',
  source: 'DESIGN §4.4; research B10',
}
