import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'system/elapsed.ts',
  find: `  if (aheadMs < -WALL_APART_MS) return elapsedAfterStepBack(read, since, onClockStep)
`,
  replace: '',
  claim: 'A suspend is seen also when the wall clock is set back by more than the sleep.',
  source: 'found here, by the simulator',
}
