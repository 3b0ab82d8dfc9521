import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'backends/engine/candidacy.ts',
  find: `    this.end('transferred')
    return (await this.#protocol.leave(to, signal)) ? 'done' : 'unknown'
`,
  replace: `    const known = await this.#protocol.leave(to, signal)
    this.end('transferred')
    return known ? 'done' : 'unknown'
`,
  claim: 'Who hands over has stopped before the peers are asked to let go.',
  source: 'DESIGN §2: aborted before anybody else is told',
}
