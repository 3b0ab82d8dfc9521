import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/proposer/winning.ts',
  find: '  return support > 0 && support >= counted',
  replace: '  return support > 0',
  claim: 'A win counts on the deadline of its session only if its own acceptors reach as far.',
  source: 'docs/paxos.md (one deadline)',
}
