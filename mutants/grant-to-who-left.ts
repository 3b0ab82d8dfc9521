import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'registry/apply.ts',
  find: `  const waiter = election?.queue.get(key)
`,
  replace: `  const waiter = election?.queue.get(key) ?? { session: key, priority: 0, metadata: {}, index: change.index }
`,
  claim: 'The state machine grants only to who still waits.',
  source: 'DESIGN §4.2 (queue membership)',
}
