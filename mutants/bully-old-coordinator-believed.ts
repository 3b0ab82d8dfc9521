import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/voting.ts',
  find: '(epoch < last.epoch || (epoch === last.epoch && version <= last.version))',
  replace: 'epoch === last.epoch && version <= last.version',
  claim: 'A late COORDINATOR of an older epoch says nothing.',
  source: 'Garcia-Molina 1982 has no epochs; research B4',
}
