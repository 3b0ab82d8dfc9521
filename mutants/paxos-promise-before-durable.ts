import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/acceptor/ballots.ts',
  find: "{ type: 'promise', instance, ballot }, covered(acceptor, { ballot, leaseMs }, effects))",
  replace: "{ type: 'promise', instance, ballot }, 0 * covered(acceptor, { ballot, leaseMs }, effects))",
  claim: 'No ballot is promised before the disk has a ceiling above it.',
  source: 'DESIGN §4.3 (durable ceilings)',
}
