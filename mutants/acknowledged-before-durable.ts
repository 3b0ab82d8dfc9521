import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/append.ts',
  find: `  sendAfterLog(raft, out, from, { type: 'append-reply', term: raft.term, accepted: true, matchIndex })`,
  replace: `  send(raft, out, from, { type: 'append-reply', term: raft.term, accepted: true, matchIndex })`,
  claim: 'An entry is on the disk of a follower before the follower acknowledges it.',
  source: 'braft and JRaft without fsync; robustmq#2039; NATS lazy sync (Jepsen 2.12.1)',
}
