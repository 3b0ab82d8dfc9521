import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'lease/observation.ts',
  find: `  const leaseMs = record.leaseMs > 0 && Number.isFinite(record.leaseMs) ? record.leaseMs : self.leaseMs
`,
  replace: `  const leaseMs = self.leaseMs
`,
  claim: 'Whoever waits for a lease record waits for the duration that its holder wrote.',
  source: 'fabric8#7160',
}
