import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/support/voter.ts',
  find: '  return Math.max(open.heardAt ?? -Infinity, voter.startedAt, open.openedAt)',
  replace: '  return open.heardAt ?? -Infinity',
  claim: 'A4: a voter counts silence from no earlier than its own start.',
  source: 'DESIGN §4.1 A4; braft amnesia; hashicorp#108',
}
