import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'cluster/disk-queue.ts',
  find: `    if (error !== undefined) {
      // After`,
  replace: `    if (error !== undefined && this.#failed) {
      // After`,
  claim: 'After a failed fsync nothing more is promised.',
  source: 'fsyncgate (PostgreSQL, 2018); reliability survey S16',
}
