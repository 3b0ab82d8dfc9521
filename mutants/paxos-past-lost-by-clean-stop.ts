import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/acceptor/clean-stop.ts',
  find: '    entryOf(acceptor, instance).token = token',
  replace: '    entryOf(acceptor, instance).token = 0 * token',
  claim: 'An acceptor that stopped in order knows who led before, too.',
  source: 'found by reading: a stop in order costs no wait that would cover it',
}
