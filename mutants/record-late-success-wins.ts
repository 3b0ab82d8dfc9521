import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'lease/candidate.ts',
  find: `      if (now.elapsedMs(input.sentAt) < validityMs) return lead({ ...next, failures: 0 }, grant, now, doubted)
`,
  replace: `      if (validityMs > 0) return lead({ ...next, failures: 0 }, grant, now, doubted)
`,
  claim: 'A lease that ran out before the answer came is no win.',
  source: 'redlock#296 (lock returned already expired)',
}
