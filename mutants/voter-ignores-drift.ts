import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'lease/deadline.ts',
  find: '  return leaseMs * (1 + bounds.maxClockDrift) + bounds.tickMs',
  replace: '  return leaseMs + bounds.tickMs',
  claim: 'A voter whose clock is fast still waits long enough: its silence is lengthened by the drift.',
  source: 'PaxosLease G5; Dissertation §6.4.1',
}
