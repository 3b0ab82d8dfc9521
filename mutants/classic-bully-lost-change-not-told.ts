import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/classic/reigning.ts',
  find: '  if (known < of) sendReigns(classic, out, contact.peer)\n',
  replace: '',
  claim: 'Who missed a change is told all.',
  source: 'research B3',
}
