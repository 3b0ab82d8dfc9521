import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/classic/following.ts',
  find: 'return isFollowed || now < linkedUntil(classic, contact)',
  replace: 'return isFollowed || linkedUntil(classic, contact) > 0',
  claim: 'After a stall nobody new is believed by a link that has run out meanwhile.',
  source: 'seed 176 of the bare cores, storm, 30 s',
}
