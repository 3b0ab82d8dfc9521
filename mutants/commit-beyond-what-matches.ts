import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/heartbeat.ts',
  find: `  const commit = Math.min(raft.commitIndex, progress.match)
`,
  replace: `  const commit = raft.commitIndex
`,
  claim: 'A follower is not told to commit what it is not known to have.',
  source: 'etcd raft.go sendHeartbeat',
}
