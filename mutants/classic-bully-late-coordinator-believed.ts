import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/classic/following.ts',
  find: 'if (contact === undefined || !contact.isLinked) return false',
  replace: 'if (contact === undefined || !contact.isLinked) return true',
  claim: 'A COORDINATOR counts only of a peer that is linked.',
  source: 'Garcia-Molina 1982 has no epochs; research B4',
}
