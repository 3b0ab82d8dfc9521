import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'election/leadership-base.ts',
  find: '    return this.#standing && this.#deadline.stands()',
  replace: '    return this.#standing && this.#deadline.lapse === undefined',
  claim: 'isValid() reads the clock at each call; it is no flag that a timer clears.',
  source: 'algorithms survey item 30; etcd concurrency.Election',
}
