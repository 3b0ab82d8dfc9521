import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'backends/raft-liveness.ts',
  find: '    this.#renewal = { sentAt: since, grantedMs',
  replace: '    this.#renewal = { sentAt: this.#options.clock.upper(), grantedMs',
  claim: 'A3: the deadline counts from the sending of the keepalive, not from its answer.',
  source: 'redlock#299, #283; Dissertation §6.4.1; openraft leader-lease.md',
}
