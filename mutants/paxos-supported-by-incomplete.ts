import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/proposer/support.ts',
  find: `  if (view.missing > 0) return
`,
  replace: '',
  claim: 'An acceptor that has not accepted everything held moves no deadline.',
  source: 'DESIGN §4.3 (one keepalive for all elections)',
}
