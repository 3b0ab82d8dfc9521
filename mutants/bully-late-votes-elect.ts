import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/contest.ts',
  find: 'contest.epoch <= seat.won',
  replace: 'contest.epoch < 0',
  claim: 'No token is handed out below one that was.',
  source: 'docs/bully.md',
}
