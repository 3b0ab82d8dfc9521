import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/acceptor/silence.ts',
  find: `      if (acceptor.entries.get(instance)?.accepted?.exclusivity === 'token')
        drop`,
  replace: `      if (acceptor.entries.get(instance)?.accepted?.exclusivity !== undefined)
        drop`,
  claim: 'Evidence of death never frees a time-mode owner.',
  source: 'DESIGN §4.3',
}
