import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'cluster/sponsor.ts',
  find: `      attached.synced = false
      this.#sync(session, link)
      return
`,
  replace: `      attached.synced = true
      if (this.#registry.sessions.has(session)) this.#tellState(session)
      else this.#end(session, closedError('expired'))
      return
`,
  claim: 'A session that changes its sponsor is told its state only after a linearizable read.',
  source: 'ARCHITECTURE.md (sponsors hold no truth); ZooKeeper (a client refuses a server that lags)',
}
