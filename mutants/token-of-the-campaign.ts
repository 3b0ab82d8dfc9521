import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'registry/queue.ts',
  find: `  const token = change.registry.tokenBase + BigInt(change.index)
`,
  replace: `  const token = change.registry.tokenBase + BigInt(waiter.index)
`,
  claim: 'Tokens grow with the grants, not with the campaigns.',
  source: 'reliability survey §2.1',
}
