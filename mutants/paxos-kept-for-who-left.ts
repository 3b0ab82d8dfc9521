import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/proposer/refusals.ts',
  find: "  send(effects, from, { type: 'release', instance, ballot: proposer.top, to: null, stays: false })",
  replace: '  void [proposer, from, instance, effects]',
  claim: 'Whoever is told of a place in line that it gave up gives it up again.',
  source: 'docs/paxos.md (the proposer)',
}
