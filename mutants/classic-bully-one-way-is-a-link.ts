import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/classic/contacts.ts',
  find: 'return Math.min(heardAt + silence, echoedAt + silence + echoHeartbeats * options.heartbeatMs)',
  replace: 'return heardAt + silence + 0 * (echoedAt + echoHeartbeats)',
  claim: 'Who is heard and does not hear is not linked.',
  source: 'research B3: one-way links make permanent fights',
}
