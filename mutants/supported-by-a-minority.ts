import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/support/holder.ts',
  find: `  const sequence = quorumIndex(holder.configuration, (voter) => holder.acknowledged.get(voter) ?? 0)
`,
  replace: `  const heard = [...holder.configuration.voters].map((voter) => holder.acknowledged.get(voter) ?? 0)
  const sequence = heard.toSorted((a, b) => b - a)[Math.max(0, Math.floor(heard.length / 2) - 1)] ?? 0
`,
  claim: 'A3: one voter less than a majority supports nobody.',
  source: 'DESIGN §4.1 A3; LeaseGuard',
}
