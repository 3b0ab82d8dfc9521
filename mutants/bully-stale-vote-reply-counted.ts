import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/contest.ts',
  find: 'contest.epoch !== reply.epoch || ',
  replace: '',
  claim: 'A vote counts in its own epoch only.',
  source: 'eliben/raft#27; research B4',
}
