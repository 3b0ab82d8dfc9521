import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/roles.ts',
  find: `    sendAfterLog(raft, out, peer, {
      type: 'vote',`,
  replace: `    sendUnbound(out, peer, {
      type: 'vote',`,
  claim: `A candidate's vote for itself is on the disk before it asks anybody.`,
  source: 'reddb#939 (review)',
}
