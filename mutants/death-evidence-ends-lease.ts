import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'cluster/arbiter.ts',
  find: `      this.#duties.askForWithdrawal(key, session.epoch)
`,
  replace: `      if (evidence) this.#duties.propose([{ type: 'expire', session: key, epoch: session.epoch }])
      this.#duties.askForWithdrawal(key, session.epoch)
`,
  claim: 'Evidence of death ends no lease.',
  source: 'DESIGN §4.2; hashicorp#108',
}
