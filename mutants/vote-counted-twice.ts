import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/voting.ts',
  find: `  if (raft.role.votes.get(from) !== true) raft.role.votes.set(from, reply.granted)
  countVotes(raft, out)`,
  replace: `  const { votes } = raft.role
  const repeated = votes.get(from) === true && reply.granted
  votes.set(repeated ? (raft.others.find((peer) => !votes.has(peer)) ?? from) : from, reply.granted)
  countVotes(raft, out)`,
  claim: 'A vote that arrives twice counts once.',
  source: 'liferaft (counts replies); PaxosLease G3',
}
