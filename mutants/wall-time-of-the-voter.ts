import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'cluster/voter-runner.ts',
  find: `    this.#clock = parts.clock
`,
  replace: `    const { clock } = parts
    const offset = clock.wallMs() - clock.lower()
    this.#clock = {
      upper: () => clock.upper(),
      elapsedMs: (since) => clock.elapsedMs(since),
      lower: () => clock.wallMs() - offset,
      wallMs: () => clock.wallMs(),
      setTimer: (delayMs, fire) => clock.setTimer(delayMs, fire),
      afterPoll: (run) => clock.afterPoll(run),
    }
`,
  claim: `Whoever waits on another never counts wall time: a forward step ends nobody else's lease.`,
  source: 'jraft#24, #26; tikv#964; PaxosLease in Keyspace (Now())',
}
