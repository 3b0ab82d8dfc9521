import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/log.ts',
  find: '  return term > lastTerm(log) || (term === lastTerm(log) && index >= lastIndex(log))',
  replace: '  return term >= lastTerm(log)',
  claim: 'Of two logs with the same last term the longer one is more complete.',
  source: 'skiff; Raft §5.4.1',
}
