import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'system/elapsed.ts',
  find: `  if (aheadMs > WALL_APART_MS) return elapsedAfterJump(read, since, onClockStep)
  // Behind as well: a step back may be larger than the sleep that it would hide. Or this was a preemption: no jump at all.
  if (aheadMs < -WALL_APART_MS) return elapsedAfterStepBack(read, since, onClockStep)
  if (onClockStep === 'ignore') return monotonicMs
  return wallMs > monotonicMs ? wallMs : monotonicMs`,
  replace: '  return monotonicMs',
  claim: 'A machine that was suspended does not count its sleep as lease: monotonic time stands still in it.',
  source: 'dotnet#77945; Linux CLOCK_MONOTONIC',
}
