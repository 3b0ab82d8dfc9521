import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/voting.ts',
  find: 'past.length > pastMax',
  replace: 'past.splice(0).length > pastMax',
  claim: 'A vote that was not won proves nothing about those before it.',
  source: 'docs/bully.md',
}
