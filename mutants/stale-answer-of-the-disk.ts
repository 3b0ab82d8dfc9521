import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/step.ts',
  find: `  raft.durableSequence = sequence
  raft.pendingWrites = raft.pendingWrites.filter((write) => write.sequence > sequence)
`,
  replace: `  raft.durableSequence = raft.sequence
  raft.pendingWrites = []
`,
  claim: 'The answer to one write says nothing about later ones.',
  source: 'etcd-io/raft testdata/async_storage_writes (ABA race)',
}
