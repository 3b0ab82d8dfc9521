import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'cluster/recovery.ts',
  find: `        hardState = { term: record.term, votedFor: record.votedFor }
`,
  replace: `        if (record.term > hardState.term) hardState = { term: record.term, votedFor: record.votedFor }
`,
  claim: 'The newest record of term and vote counts after a restart, also when only the vote is new.',
  source: 'Raft Figure 2; reliability survey S8',
}
