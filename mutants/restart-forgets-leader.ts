import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/election.ts',
  find: `  else hearLeader(raft, out)
`,
  replace: `  else {
    raft.heardLeader = false
    armElectionTimer(raft, out)
  }
`,
  claim:
    'A voter that restarts forgot whom it heard, so it votes for nobody within the minimum election timeout.',
  source: 'braft (last heard = start); etcd inLease needs lead != None',
}
