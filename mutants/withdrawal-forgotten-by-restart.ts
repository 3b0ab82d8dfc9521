import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'cluster/recovery.ts',
  find: `        withdrawals.push({ session: record.session, epoch: record.epoch })
`,
  replace: `        void withdrawals
`,
  claim: 'A4: a voter that restarts knows what it withdrew.',
  source: 'DESIGN §4.1 A4, A7 (five voters, x restarts having forgotten)',
}
