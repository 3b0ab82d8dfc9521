import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/acceptor/ballots.ts',
  find: `    if (loser !== undefined) breakTie(acceptor, loser)
  }
  entry.promised = ballot
  entry.promisedTo = from.session
`,
  replace: `    if (loser !== undefined) breakTie(acceptor, loser)
  }
`,
  claim: 'To accept a ballot is to promise it.',
  source: 'PaxosLease §3, pseudo-code of the acceptor',
}
