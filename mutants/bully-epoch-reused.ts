import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/contest.ts',
  find: 'contest.epoch = seat.highest + 1',
  replace: 'contest.epoch = Math.max(1, seat.won)',
  claim: 'Each attempt has an epoch above all that it knows.',
  source: 'DESIGN §4.4 (token = epoch)',
}
