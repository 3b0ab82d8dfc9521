import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'election/session-deadline.ts',
  find: `    if (!this.stands()) return this.expire()
`,
  replace: `    this.#standing = true
`,
  claim: 'A renewal that comes after the deadline revives nothing.',
  source: 'redlock#296; reliability survey S6',
}
