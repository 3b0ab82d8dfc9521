import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'backends/paxos/session.ts',
  find: '    this.#renewal = { sentAt: since, grantedMs: this.#options.leaseMs }',
  replace:
    '    this.#renewal = { sentAt: this.#options.env.clock.upper(), grantedMs: this.#options.leaseMs }',
  claim: 'A renewal of a Paxos session counts from the sending of the keepalive, not from its answer.',
  source: 'DESIGN §4.1 A3; Gray and Cheriton 1989',
}
