import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/append.ts',
  find: `  const fresh = entries.findIndex((entry) => termAt(raft.log, entry.index) !== entry.term)
`,
  replace: `  const fresh = entries.length > 0 ? 0 : -1
`,
  claim: 'A short append that comes late does not cut off what a newer one brought.',
  source: 'Raft Figure 2, AppendEntries step 3',
}
