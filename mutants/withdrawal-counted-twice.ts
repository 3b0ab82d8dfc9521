import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'cluster/arbiter.ts',
  find: `    withdrew(this.#withdrawals, { session, epoch, voter })
`,
  replace: `    const known = this.#withdrawals.sessions.get(session)?.votes
    const silent = this.#options.configuration.voters.find((one) => known?.has(one) !== true)
    const counted = known?.has(voter) === true ? (silent ?? voter) : voter
    withdrew(this.#withdrawals, { session, epoch, voter: counted })
`,
  claim: 'A5: a voter that answers twice withdrew once.',
  source: 'DESIGN §4.1 A5; PaxosLease G3 by analogy',
}
