import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/acceptor/state.ts',
  find: '  return silentFrom(acceptor, session) + grantorSilenceMs(session.leaseMs, acceptor.bounds)',
  replace: '  return silentFrom(acceptor, session) + 0.9 * session.leaseMs',
  claim: 'An acceptor lets go of an owner only after the silence of a whole lease and its margin.',
  source: 'PaxosLease §3; G5',
}
