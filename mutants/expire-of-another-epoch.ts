import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'registry/apply.ts',
  find: '  return session?.epoch === about.epoch ? session : null',
  replace: '  return session ?? null',
  claim: 'A5: an expiry that was decided about an older epoch is void.',
  source: 'DESIGN §4.1 A5',
}
