import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'election/leadership-base.ts',
  find: `      this.#abort.abort(this.#lossError(this.#reason, cause))
`,
  replace: `      const error = this.#lossError(this.#reason, cause)
      void this.lost.then(() => undefined).then(() => this.#abort.abort(error))
`,
  claim: 'The signal has aborted when `lost` resolves.',
  source: 'reliability survey S11; client-go#23731',
}
