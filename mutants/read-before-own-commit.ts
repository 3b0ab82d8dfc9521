import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/reads.ts',
  find: `  const index = Math.max(raft.commitIndex, leader.firstIndex)
`,
  replace: `  const index = raft.commitIndex
`,
  claim: 'A new leader answers reads only as of its no-op.',
  source: 'Raft §8; Dissertation §6.4; etcd (reads before a commit in the own term)',
}
