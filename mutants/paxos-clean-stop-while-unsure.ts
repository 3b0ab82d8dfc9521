import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/paxos/acceptor/clean-stop.ts',
  find: `  if (isUnsure(acceptor, now)) return null
`,
  replace: `  if (now === Infinity) return null
`,
  claim: 'An acceptor that does not know what it had accepted writes nothing about it.',
  source: 'docs/paxos.md (clean stop); G8',
}
