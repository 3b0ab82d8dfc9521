import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/step.ts',
  find: `{ type: 'heartbeat-reply', term, round: 0, lastIndex`,
  replace: `{ type: 'heartbeat-reply', term, round: message.round, lastIndex`,
  claim: `An answer to an older term's heartbeat confirms no round of the new term.`,
  source: 'Dissertation §6.4; etcd readonly.go (request contexts)',
}
