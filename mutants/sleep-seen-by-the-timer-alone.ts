import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'election/session-deadline.ts',
  find: `    return this.#validMs / looksPerLease
`,
  replace: `    return Number.POSITIVE_INFINITY
`,
  claim: 'The signal of a leader whose machine slept aborts soon after it woke, not a lease later.',
  source: 'found here, by the simulator; reliability survey S6 (suspend)',
}
