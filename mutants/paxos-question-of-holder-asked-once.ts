import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/proposer/proposer.ts',
  find: "standing.phase === 'held' && standing.round?.stage !== 'prepare'",
  replace: "standing.phase === 'held'",
  claim: 'A holder that needs a higher ballot asks for promises until a majority gave them.',
  source: 'docs/paxos.md (one keepalive for everything)',
}
