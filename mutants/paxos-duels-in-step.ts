import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/proposer/rounds.ts',
  find: 'const spread = Math.min(step * 2 ** (campaign.tries - 1), Math.max(64 * stepMs, 4 * step))',
  replace: 'const spread = stepMs + 0 * step',
  claim: 'Rivals leave each other the time of a round, however long that takes (G10).',
  source: 'DESIGN §4.3 (deadline + rank x RTT)',
}
