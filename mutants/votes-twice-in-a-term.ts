import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/voting.ts',
  find: '  return raft.votedFor === peer || (raft.votedFor === null && leaderOf(raft) === null)',
  replace: '  return raft.votedFor !== raft.self && (leaderOf(raft) === null || leaderOf(raft) === peer)',
  claim: 'A voter gives one vote a term.',
  source: 'Raft §5.2; reliability survey S8',
}
