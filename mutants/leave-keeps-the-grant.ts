import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'registry/requests.ts',
  find: `    free(change, election, session, 'released')
    return done
  }
  if (!session.waits.has(name))`,
  replace: `    return wasNotHolder
  }
  if (!session.waits.has(name))`,
  claim: 'A cancelled campaign whose grant overtook the cancellation gives it back.',
  source: 'etcd#11456; reliability survey S10',
}
