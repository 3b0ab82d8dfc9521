import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/outbox.ts',
  find: '{ term: raft.term, votedFor: raft.votedFor }',
  replace: '{ term: raft.term, votedFor: null }',
  claim: 'Term and vote are one record: a restarted voter knows whom it voted for.',
  source: 'Raft Figure 2; wenweihu86/raft-java#57',
}
