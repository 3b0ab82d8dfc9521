import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'registry/apply.ts',
  find: '  if (election.holder === null) grantTo(change, election, session, waiter)',
  replace: '  grantTo(change, election, session, waiter)',
  claim: 'The state machine grants only what is vacant, whatever the leader believed.',
  source: 'DESIGN §4.2 (the state machine checks vacancy)',
}
