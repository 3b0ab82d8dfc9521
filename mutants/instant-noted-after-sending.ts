import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'backends/raft-liveness.ts',
  find: `      const sentAt = clock.upper()
      const sequence = ++this.#sequence
      sent(holder, sequence, sentAt)
      const patient = !this.#holds && sequence > promptEvery && sequence % promptEvery !== 0
      this.#duties.keepalive(holder.epoch, sequence, patient)
`,
  replace: `      const sequence = ++this.#sequence
      const patient = !this.#holds && sequence > promptEvery && sequence % promptEvery !== 0
      this.#duties.keepalive(holder.epoch, sequence, patient)
      sent(holder, sequence, clock.upper())
`,
  claim: 'The instant of a keepalive is noted before it is sent, for the process may stand still in between.',
  source: 'DESIGN §4.1 A1; Kleppmann 2016 (a pause between the write and the reading of the clock)',
}
