import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/voting.ts',
  find: "exclusivity === 'token' && request.ballot.stand.exclusivity === 'token'",
  replace: "exclusivity === 'token'",
  claim: 'Evidence of death elects nobody in time mode.',
  source: 'docs/bully.md',
}
