import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/acceptor/clean-stop.ts',
  find: `    session.holds.add(instance)
`,
  replace: `    session.holds.add(instance)
    entryOf(acceptor, instance).accepted = null
`,
  claim: 'An acceptor that stopped in order knows whom it supports.',
  source: 'docs/paxos.md (clean stop); G8',
}
