import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'cluster/tcp-identity.ts',
  find: `  if (then?.run === known.run) return undefined`,
  replace: `  if (then?.run === known.run || shown.incarnation > known.incarnation) return undefined`,
  claim: 'A restored folder stays out, however often it is started.',
  source:
    'found by the simulator (seed 1015): a supervisor that restarts a refused peer counts its starts up',
}
