import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/contest.ts',
  find: `if (ballot.stand.exclusivity !== 'token') return false`,
  replace: `if (ballot.stand.exclusivity === 'token') return false`,
  claim: 'Evidence of death frees in token mode, and only there.',
  source: 'DESIGN §4.1 A6',
}
