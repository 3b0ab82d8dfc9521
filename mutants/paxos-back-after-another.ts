import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/acceptor/ballots.ts',
  find: '    if (owner.token < entry.token) {',
  replace: '    if (owner.token < 0) {',
  claim: 'In token mode nobody proposes again what it acquired before another one led.',
  source: 'found by reading: a leader taken for dead came back with the older token after a short leadership',
}
