import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/sessions.ts',
  find: `session, epoch) !== 'won') return false`,
  replace: `session, epoch) === 'lost') return false`,
  claim: 'A session is over only when a majority withdrew from it.',
  source: 'DESIGN §4.1 A5',
}
