import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'cluster/outbox.ts',
  find: `    if (this.#flight !== null || this.#queue.length === 0) return
`,
  replace: `    if (this.#queue.length === 0) return
`,
  claim: 'One batch at a time is in flight, so that each is answered.',
  source: 'Raft §8 (one outstanding request a session)',
}
