import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/acceptor/ballots.ts',
  find: `    entry.promised = ballot
    entry.promisedTo = null
    after`,
  replace: '    after',
  claim: 'What was released is not accepted again by a proposal that comes late.',
  source: 'docs/paxos.md (release); T6',
}
