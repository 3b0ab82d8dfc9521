import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/append.ts',
  find: `  const matchIndex = previousIndex + entries.length
`,
  replace: `  const matchIndex = lastIndex(raft.log)
`,
  claim: 'A follower acknowledges what the append proved to agree, not its own tail.',
  source: 'Raft Figure 2; etcd-io/raft handleAppendEntries',
}
