import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/support/voter.ts',
  find: '  return silentSince(voter, open) + grantorSilenceMs(open.leaseMs, voter.bounds)',
  replace: '  return silentSince(voter, open) + grantorSilenceMs(open.leaseMs / 2, voter.bounds)',
  claim: 'A4: a voter withdraws only after the silence of a whole lease.',
  source: 'DESIGN §4.1 A4; fabric8#7160 (own duration in place of the recorded one)',
}
