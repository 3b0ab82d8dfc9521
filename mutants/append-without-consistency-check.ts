import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/append.ts',
  find: '  if (termAt(raft.log, previousIndex) !== previousTerm) {',
  replace: '  if (termAt(raft.log, previousIndex) === undefined) {',
  claim: 'Entries are appended only behind an entry of the same term as at the leader.',
  source: 'Raft §5.3, Log Matching',
}
