import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'lease/deadline.ts',
  find: '  return leaseMs * (1 - bounds.maxClockDrift) - bounds.tickMs',
  replace: '  return leaseMs - bounds.tickMs',
  claim: 'A holder whose clock is slow still stops in time: its deadline is shortened by the drift.',
  source: 'Dissertation §6.4.1; client-go (no drift margin)',
}
