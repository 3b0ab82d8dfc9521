import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/log.ts',
  find: '  return term > lastTerm(log) || (term === lastTerm(log) && index >= lastIndex(log))',
  replace: '  return term >= lastTerm(log) && index >= lastIndex(log)',
  claim: 'A log with a newer last term is complete although it is shorter: its owner can be elected.',
  source: 'openraft a48a3282',
}
