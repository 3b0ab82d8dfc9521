import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/step.ts',
  find: 'leading.epoch < won',
  replace: 'leading.epoch < 0',
  claim: 'A token-mode leader that was followed learns of it, even if its successor has stopped already.',
  source: 'docs/bully.md',
}
