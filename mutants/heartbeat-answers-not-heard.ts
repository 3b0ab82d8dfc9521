import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/replication.ts',
  find: `  if (progress === undefined) return
  progress.active = true
  progress.unheardBeats = 0
  progress.round`,
  replace: `  if (progress === undefined) return
  progress.unheardBeats = 0
  progress.round`,
  claim: 'A leader whose heartbeats a majority answers leads on, also while nothing is appended.',
  source: 'etcd raft.go, stepLeader: MsgHeartbeatResp sets RecentActive',
}
