import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/classic/contacts.ts',
  find: 'if (reign !== null && now - heardAt < reign.stand.leaseMs) return true',
  replace: 'if (reign !== null && now - heardAt < 0 * reign.stand.leaseMs) return true',
  claim: 'A leader takes a higher epoch only when the other one has stopped.',
  source: 'DESIGN §4.4; research B10',
}
