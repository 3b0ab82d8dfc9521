import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'cluster/arbiter.ts',
  find: `    if (withdrawalResult(this.#withdrawals, this.#options.configuration, session, epoch) !== 'won') return
`,
  replace: `    if (withdrawalResult(this.#withdrawals, this.#options.configuration, session, epoch) === 'lost') return
`,
  claim: 'A5: a session expires only when a majority withdrew.',
  source: 'DESIGN §4.1 A5',
}
