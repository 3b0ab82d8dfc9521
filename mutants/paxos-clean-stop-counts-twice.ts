import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/acceptor/clean-stop.ts',
  find: '  return stopped?.life === incarnation - 1 ? stopped : null',
  replace: '  return stopped !== undefined && incarnation > 0 ? stopped : null',
  claim: 'What an acceptor wrote when it stopped counts for its very next life only.',
  source: 'docs/paxos.md (clean stop); G8',
}
