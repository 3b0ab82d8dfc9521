import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'election/health.ts',
  find: `    for (const look of [...this.#changed]) look()
`,
  replace: `    if (this.isHealthy) for (const look of [...this.#changed]) look()
`,
  claim: 'A leader that cannot do the work hands over.',
  source: 'survey pitfall 29 (faux leader: heartbeats flow, the application is dead)',
}
