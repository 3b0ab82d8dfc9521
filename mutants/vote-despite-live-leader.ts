import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/step.ts',
  find: `      if (isSticky(raft) && !message.transfer) return false
`,
  replace: '',
  claim:
    'Within the minimum election timeout of hearing a leader a voter takes over no higher term from a candidate.',
  source: 'Dissertation §4.2.3; etcd inLease',
}
