import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/proposer/proposer.ts',
  find: '  if (lapsed && proposer.held > 0) loseAll(proposer, effects)',
  replace: '',
  claim: 'What ran out is over before answers are read: nothing of it is proposed again.',
  source:
    'found by the simulator: after a pause an election was proposed again with a token below one that had led',
}
