import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/roles.ts',
  find: `  assertSafeInteger('term', raft.term + 1)
  // The leader is forgotten`,
  replace: `  if (!again) return becomeCandidate(raft, out, 'election')
  // The leader is forgotten`,
  claim: 'A peer that comes back from a partition deposes nobody.',
  source: 'Dissertation §9.6; etcd PreVote',
}
