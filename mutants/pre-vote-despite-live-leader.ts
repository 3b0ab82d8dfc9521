import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/voting.ts',
  find: `  if (isSticky(raft)) {
    raft.parked.set(from, request)
    return
  }
`,
  replace: '',
  claim: 'A voter that hears a leader gives no pre-vote away.',
  source: 'decentralizedthoughts 2020-12-12; Cloudflare 2020-11-02; cockroach#104042',
}
