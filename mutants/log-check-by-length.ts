import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/log.ts',
  find: '  return term > lastTerm(log) || (term === lastTerm(log) && index >= lastIndex(log))',
  replace: '  return index >= lastIndex(log)',
  claim: 'Of two logs the one with the newer last term is more complete, whatever their lengths.',
  source: 'liferaft#8 (fork); Raft §5.4.1',
}
