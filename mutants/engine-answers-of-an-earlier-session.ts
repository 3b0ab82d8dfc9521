import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'backends/engine/session.ts',
  find: '        if (message.session === this.#protocol.key) this.#protocol.heard(message.from, message.replies)',
  replace:
    '        if (message.session !== this.#observing.key) this.#protocol.heard(message.from, message.replies)',
  claim: 'An answer to an earlier key of a session says nothing about the present one.',
  source: 'a late reply taken for a fresh one: research/reliability §1.7',
}
