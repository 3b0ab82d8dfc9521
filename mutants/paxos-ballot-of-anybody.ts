import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/acceptor/ballots.ts',
  find: '  return ballot > entry.promised || (ballot === entry.promised && entry.promisedTo === session)',
  replace: '  return ballot >= entry.promised || entry.promisedTo === session',
  claim: 'A ballot that was promised to one session is refused to all others.',
  source: 'Paxos Made Simple §2.2 (unique numbers)',
}
