import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/facts.ts',
  find: 'return (bully.over.get(session) ?? 0) >= epochOf(bully, session)',
  replace: 'return (bully.over.get(session) ?? 0) >= epochOf(bully, session) || !bully.known.has(session)',
  claim: 'Of a session that a peer never heard of it knows nothing, least of all that it is over.',
  source: 'DESIGN §4.1 A4',
}
