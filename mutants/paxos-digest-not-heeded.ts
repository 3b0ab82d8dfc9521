import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/proposer/support.ts',
  find: `    standing.accepted.delete(from)
`,
  replace: '',
  claim: 'What an acceptor forgot or dropped is not counted on until it accepted it again.',
  source: 'DESIGN §4.3 (digest)',
}
