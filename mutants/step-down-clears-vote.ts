import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/roles.ts',
  find: `  if (newTerm) {
    raft.term = term
    raft.votedFor = null
`,
  replace: `  raft.votedFor = null
  if (newTerm) {
    raft.term = term
`,
  claim: 'A peer that steps down within a term remembers its vote of that term.',
  source: 'redpanda#14, redpanda#19; eliben/raft#27; akka-raft#56',
}
