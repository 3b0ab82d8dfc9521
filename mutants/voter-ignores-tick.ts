import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'lease/deadline.ts',
  find: '  return leaseMs * (1 + bounds.maxClockDrift) + bounds.tickMs',
  replace: '  return leaseMs * (1 + bounds.maxClockDrift)',
  claim: 'A reading of the clock may be a tick early: the voter adds one.',
  source: 'tikv#9728',
}
