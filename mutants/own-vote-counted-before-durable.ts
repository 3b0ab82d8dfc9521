import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/voting.ts',
  find: `  if (raft.role.name !== 'candidate' || raft.durableSequence < raft.role.voteSequence) return
`,
  replace: `  if (raft.role.name !== 'candidate') return
`,
  claim: `A candidate's vote for itself counts only once it is on the disk.`,
  source: 'reddb#939 (review); Raft Figure 2',
}
