import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/proposer/rounds.ts',
  find: 'Math.max(options.stepMs, 3 * roundTripMs)',
  replace: 'options.stepMs + 0 * roundTripMs',
  claim: 'Rivals leave each other the time of a round, however long that takes (G10).',
  source: 'DESIGN §4.3 (deadline + rank x RTT)',
}
