import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'cluster/disk-queue.ts',
  find: `    if (after <= state.durable) release()
    else if (!this.#failed) state.gates.push({ after, release })
`,
  replace: `    if (after <= state.durable || !this.#failed) release()
`,
  claim: 'What waits for the disk is sent only after the write.',
  source: 'DESIGN §3.2; yantrikdb#57',
}
