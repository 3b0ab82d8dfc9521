import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/commit.ts',
  find: 'peer === raft.self ? durableIndex(raft) : ',
  replace: 'peer === raft.self ? lastIndex(raft.log) : ',
  claim: 'A leader counts its own copy only once it is on its disk.',
  source: 'Dissertation §10.2.1',
}
