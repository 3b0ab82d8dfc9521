import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/contest.ts',
  find: 'contest.votes.set(from, reply.granted)',
  replace:
    'contest.votes.set(bully.everybody.find((peer) => !contest.votes.has(peer)) ?? from, reply.granted)',
  claim: 'Votes are counted by voter: an answer that comes twice is one vote.',
  source: 'liferaft (duplicated replies elect); DESIGN §4.4 (keyed votes)',
}
