import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/acceptor/ballots.ts',
  find: '  if (kept !== undefined && entry.keptFor !== from.session) {',
  replace: "  if (kept !== undefined && kept.address.session === '') {",
  claim: 'What is handed over is promised to nobody but its heir.',
  source: 'docs/paxos.md (transfer)',
}
