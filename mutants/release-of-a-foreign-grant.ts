import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'registry/requests.ts',
  find: '  return grant.session === session.key && grant.token === claim.token ? election : null',
  replace: '  return grant.token >= claim.token ? election : null',
  claim: 'A release ends exactly the grant that it names.',
  source: 'redlock (unlock by value); PaxosLease RELEASE(b)',
}
