import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/step.ts',
  find: `      send(raft, out, from, { type: 'heartbeat-reply', term, round: 0, lastIndex: lastIndex(raft.log) })
      return
`,
  replace: `      return
`,
  claim: 'A peer that alone reached a higher term answers the heartbeats of the lower one, and so is freed.',
  source: 'etcd TestFreeStuckCandidateWithCheckQuorum; etcd#9333, #14893',
}
