import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/voting.ts',
  find: `  const sequence = persist(bully, out, { type: 'vote', election, ballot, past })
`,
  replace: `  const sequence = 0
`,
  claim: 'A vote is on disk: a restarted voter does not vote twice in an epoch.',
  source: 'DESIGN §4.4 (one durable vote per epoch)',
}
