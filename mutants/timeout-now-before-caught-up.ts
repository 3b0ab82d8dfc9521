import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/transfer.ts',
  find: `  if (leader.progress.get(transfer.to)?.match !== lastIndex(raft.log)) return
`,
  replace: '',
  claim: 'The target of a transfer is asked to stand only once it has the whole log.',
  source: 'Dissertation §3.10; etcd-io/raft (16 transfer tests)',
}
