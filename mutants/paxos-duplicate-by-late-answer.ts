import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/proposer/refusals.ts',
  find: 'silentMs < standing.round.begunAt - standing.askedAt',
  replace: 'silentMs < proposer.now - standing.askedAt',
  claim: 'How late an answer is read says nothing of whether another process lives.',
  source: 'docs/paxos.md (the proposer)',
}
