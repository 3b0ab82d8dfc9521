import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/state.ts',
  find: `  if (raft.role.name === 'leader') return true
`,
  replace: '',
  claim: 'A leader honours its own leadership when it is asked for a vote.',
  source: 'braft#463',
}
