import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/proposer/rounds.ts',
  find: `  if (voteResult(configuration, votesOf(round.promised)) !== 'won') return
`,
  replace: `  round.age += 1
  if (round.age <= configuration.voters.length / 2) return
`,
  claim: 'Promises are counted by acceptor.',
  source: 'PaxosLease §3 as printed; Keyspace (plain counters); G3',
}
