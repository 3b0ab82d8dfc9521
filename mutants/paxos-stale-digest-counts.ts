import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/proposer/support.ts',
  find: `  if (view !== undefined && (life < view.life || (life === view.life && tie < view.tie))) return false
`,
  replace: `  if (view !== undefined && (life < view.life || (life === view.life && tie < view.tie))) return true
`,
  claim: 'What an acceptor said before it dropped something is not believed after.',
  source: 'DESIGN §4.3 (digest)',
}
