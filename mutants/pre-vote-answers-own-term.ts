import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/voting.ts',
  find: 'term: granted ? request.term : raft.term, granted',
  replace: 'term: raft.term, granted',
  claim: 'A granted pre-vote repeats the term that was asked about.',
  source: 'etcd raft.go Step; raft-rs#42',
}
