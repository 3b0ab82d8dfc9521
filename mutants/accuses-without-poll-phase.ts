import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'cluster/timers.ts',
  find: `      const poll = this.#clock.afterPoll(() => {
        this.#timers.delete(name)
        fire()
      })
      this.#timers.set(name, poll)
`,
  replace: `      this.#timers.delete(name)
      fire()
`,
  claim: 'After a stall, the frames that wait in the sockets are read before anybody is accused.',
  source: 'algorithms survey item 37 (timers fire before queued I/O)',
}
