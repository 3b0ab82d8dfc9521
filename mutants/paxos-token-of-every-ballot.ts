import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/proposer/rounds.ts',
  find: `  if (campaign.phase === 'contending') {
    campaign.token = ballot
    proposer.proposing`,
  replace: `  campaign.token = ballot
  if (campaign.phase === 'contending') {
    proposer.proposing`,
  claim: 'The token of a leadership is the ballot of its acquisition and stays.',
  source: 'DESIGN §4.3',
}
