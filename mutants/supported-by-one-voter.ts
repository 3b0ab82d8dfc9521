import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/support/holder.ts',
  find: `  const sequence = quorumIndex(holder.configuration, (voter) => holder.acknowledged.get(voter) ?? 0)
`,
  replace: `  const sequence = Math.max(...[...holder.configuration.voters].map((voter) => holder.acknowledged.get(voter) ?? 0))
  void quorumIndex
`,
  claim: 'A3: the deadline counts from what a majority acknowledged, not the first voter that answers.',
  source: 'DESIGN §4.1 A3; Dissertation §6.4.1',
}
