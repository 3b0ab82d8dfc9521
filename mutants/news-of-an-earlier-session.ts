import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'backends/raft-session.ts',
  find: `        if (message.session === this.#key) this.#concerning(message)
`,
  replace: `        this.#concerning(message)
`,
  claim: 'What is told about an earlier session of a candidate does not concern the present one.',
  source: 'n8n#27126; reliability survey S13',
}
