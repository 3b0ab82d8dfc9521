import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/proposer/releases.ts',
  find: '  proposer.leaving.set(keyOf(instance, ballot), { ...leaving, open, answered: false })',
  replace:
    '  if (!stays) proposer.leaving.set(keyOf(instance, ballot), { ...leaving, open, answered: false })',
  claim: 'A lost attempt is given back until every acceptor that is heard knows.',
  source: 'docs/paxos.md (the proposer)',
}
