import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/voting.ts',
  find: `for (const [session, epoch] of withdrawn) if (epoch < epochOf(bully, session)) return false
`,
  replace: '',
  claim: 'Who knows that a session goes on refuses every vote that takes it for ended.',
  source: 'DESIGN §4.1 A5',
}
