import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/acceptor/state.ts',
  find: '    floor: recovered?.ceiling ?? 0,',
  replace: '    floor: 0,',
  claim: 'An acceptor that restarted rejects every ballot that it may have promised before.',
  source: 'PaxosLease §3 as printed; algorithms survey G1, G1b, G4',
}
