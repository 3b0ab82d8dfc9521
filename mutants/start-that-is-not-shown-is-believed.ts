import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'cluster/tcp-identity.ts',
  find: `  if (then?.run === known.run) return undefined`,
  replace: `  if (then === undefined || then.run === known.run) return undefined`,
  claim: 'Who does not show the start at which it was seen is not let in, however long ago that was.',
  source: 'DESIGN §4.2',
}
