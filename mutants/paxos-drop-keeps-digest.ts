import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/acceptor/news.ts',
  find: `    session.holds.delete(instance)
    breakTie(acceptor, session)
`,
  replace: `    session.holds.delete(instance)
`,
  claim: 'The digest changes with everything that is dropped.',
  source: 'DESIGN §4.3 (digest)',
}
