import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/voting.ts',
  find: `  if (reply.granted && reply.term !== raft.term + 1) return
`,
  replace: '',
  claim: 'A pre-vote given for an older term does not count in this one.',
  source: 'cockroach#123189',
}
