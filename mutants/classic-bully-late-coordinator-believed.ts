import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/classic/following.ts',
  find: 'if (reign !== null && classic.contacts.get(peer)?.isLinked === true)',
  replace: 'if (reign !== null)',
  claim: 'A COORDINATOR counts only of a peer that is linked.',
  source: 'Garcia-Molina 1982 has no epochs; research B4',
}
