import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/commit.ts',
  find: '  if (index > raft.commitIndex && termAt(raft.log, index) === raft.term) commitUpTo(raft, out, index)',
  replace:
    '  if (index > raft.commitIndex && termAt(raft.log, index) !== undefined) commitUpTo(raft, out, index)',
  claim: 'Counting copies commits only entries of the own term.',
  source: 'Raft §5.4.2, Figure 8',
}
