import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'registry/apply.ts',
  find: `    if (election?.exclusivity === 'token') free(change, election, session, 'suspected')`,
  replace: `    if (election !== undefined) free(change, election, session, 'suspected')`,
  claim: 'A6: suspicion frees no time-mode election.',
  source: 'DESIGN §4.1 A6; etcd-io/raft forget_leader_read_only_lease_based',
}
