import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/support/voter.ts',
  find: '  return withdrawn === undefined || withdrawn.after === null ? {} : { after: withdrawn.after }',
  replace: '  return withdrawn === undefined ? {} : {}',
  claim: 'A4: a withdrawal is on the disk before it is answered.',
  source: 'DESIGN §4.1 A4; Raft Figure 2 by analogy',
}
