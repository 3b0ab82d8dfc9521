import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/state.ts',
  find: `record.type === 'withdrawal' ? [record.withdrawal] : []`,
  replace: '[]',
  claim: 'A restarted voter remembers from whom it withdrew.',
  source: 'DESIGN §4.1 A4',
}
