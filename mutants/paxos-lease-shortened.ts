import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/acceptor/state.ts',
  find: '  session.leaseMs = Math.max(session.leaseMs, leaseMs)',
  replace: '  session.leaseMs = leaseMs',
  claim: 'Nothing that arrives late shortens the lease that its owner counts on.',
  source: 'PaxosLease §4 (extension) as printed; G2',
}
