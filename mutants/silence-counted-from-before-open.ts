import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/support/voter.ts',
  find: '  return Math.max(open.heardAt ?? -Infinity, voter.startedAt, open.openedAt)',
  replace: '  return Math.max(open.heardAt ?? -Infinity, voter.startedAt)',
  claim: 'A4: a voter counts silence from no earlier than its applying the entry that opened the epoch.',
  source: 'DESIGN §4.1 A4',
}
