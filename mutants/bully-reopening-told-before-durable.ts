import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/sessions.ts',
  find: `reply('open', agreed.sequence)`,
  replace: `reply('open')`,
  claim: 'A voter agrees to a reopening only when it is on disk.',
  source: 'DESIGN §4.1 A5',
}
