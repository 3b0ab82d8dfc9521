import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/election.ts',
  find: `  if (voteResult(raft.options.configuration, answered) === 'won') armCheckQuorum(raft, out)
  else becomeFollower(raft, out, raft.term, null)`,
  replace: '  armCheckQuorum(raft, out)',
  claim: 'A leader that no majority answers steps down.',
  source: 'Dissertation §6.2; Cloudflare 2020-11-02',
}
