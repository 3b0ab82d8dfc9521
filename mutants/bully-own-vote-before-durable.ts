import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'backends/bully/core.ts',
  find: `          { type: 'ask', to: this.#bully.self, request: { type: 'persisted', sequence }, after },`,
  replace: `          { type: 'ask', to: this.#bully.self, request: { type: 'persisted', sequence } },`,
  claim: 'A win is announced only when the own vote is on the disk too.',
  source: 'DESIGN §4.4: one durable vote per epoch before any reply, own vote included',
}
