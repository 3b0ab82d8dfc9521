import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/proposer/winning.ts',
  find: '    if (!campaign.accepted.has(peer)) counted = Math.max(counted, sequence)',
  replace: '    counted = Math.max(counted, sequence)',
  claim: 'A win waits for nobody who has accepted it already.',
  source: 'docs/paxos.md (the proposer)',
}
