import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/voting.ts',
  find: `  send(raft, out, from, { type: 'vote-reply', term: raft.term, granted })`,
  replace: `  sendUnbound(out, from, { type: 'vote-reply', term: raft.term, granted })`,
  claim: 'A vote is on the disk before it is told.',
  source: 'Raft Figure 2; Dissertation §3.8; hashicorp/raft#661',
}
