import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/acceptor/state.ts',
  find: 'longestLeaseMs === 0 ? -Infinity : startedAt',
  replace: 'longestLeaseMs >= 0 ? -Infinity : startedAt',
  claim: 'An acceptor that restarted does not say that anything is empty before the longest lease is over.',
  source: 'PaxosLease §3 (the wait of M)',
}
