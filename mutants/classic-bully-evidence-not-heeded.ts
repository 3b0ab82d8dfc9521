import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/classic/contacts.ts',
  find: '  if (isOurs && echo.at > contact.deadAt)',
  replace: '  if (isOurs)',
  claim: 'Of a peer that is known to be dead only an echo of what was sent since counts.',
  source: 'research B4',
}
