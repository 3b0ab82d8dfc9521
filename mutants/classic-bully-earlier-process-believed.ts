import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/classic/contacts.ts',
  find: '  if (stamp.incarnation < contact.incarnation) return false\n',
  replace: '',
  claim: 'A message of an earlier process of a peer says nothing.',
  source: 'research B4',
}
