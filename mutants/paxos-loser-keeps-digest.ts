import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/acceptor/ballots.ts',
  find: `    if (loser !== undefined) breakTie(acceptor, loser)
`,
  replace: '',
  claim: 'The digest of who was replaced by a higher ballot changes.',
  source: 'DESIGN §4.3 (digest)',
}
