import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/voting.ts',
  find: `      raft.votedFor = from
      persistHardState(raft, out)`,
  replace: `      void Promise.resolve().then(() => (raft.votedFor = from))
      persistHardState(raft, out)`,
  claim: 'Nothing comes between the decision to vote and the vote: no turn of the loop, no other request.',
  source: 'liferaft (await between check and vote); algorithms survey item 5',
}
