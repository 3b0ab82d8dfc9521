import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'election/session-deadline.ts',
  find: `    if (this.#dependents.size === 1) this.#watch.add(this)
`,
  replace: '',
  claim: 'When the deadline passes, the signal aborts without anybody asking.',
  source: 'client-go#23731 (no OnStoppedLeading); beats#38543',
}
