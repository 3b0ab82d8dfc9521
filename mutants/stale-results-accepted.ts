import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'cluster/outbox.ts',
  find: `    if (flight === null || flight.number !== number) return
`,
  replace: `    if (flight === null) return
`,
  claim: 'The answer to an earlier batch does not answer the one in flight.',
  source: 'reliability survey §1.7 (stale reply); cockroach#123189 by analogy',
}
