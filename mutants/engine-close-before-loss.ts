import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'backends/engine/session.ts',
  find: `      this.#fails('session-lost', sessionClosed())
      this.#protocol.close()
      const { env, leaseMs } = this.#options
      // Without an answer the lease ends it: nobody waits longer than that.
      const giveUp: Timer = env.clock.setTimer(leaseMs, () => this.#closed.resolve())
      await settledOrAborted(this.#closed.promise, signal).catch(() => undefined)
`,
  replace: `      this.#protocol.close()
      const { env, leaseMs } = this.#options
      // Without an answer the lease ends it: nobody waits longer than that.
      const giveUp: Timer = env.clock.setTimer(leaseMs, () => this.#closed.resolve())
      await settledOrAborted(this.#closed.promise, signal).catch(() => undefined)
      this.#fails('session-lost', sessionClosed())
`,
  claim: 'A session that is closed has stopped leading before it says so.',
  source: 'DESIGN §2: aborted before anybody else is told',
}
