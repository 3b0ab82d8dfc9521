import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'backends/raft-candidacy.ts',
  find: `    this.end('transferred')
    const transferred = this.#ask({ type: 'transfer', election, token, to }, signal)
`,
  replace: `    const transferred = this.#ask({ type: 'transfer', election, token, to }, signal)
    void transferred.then(() => this.end('transferred'))
`,
  claim: 'Who hands over has stopped before its successor is named.',
  source: 'etcd-io/raft#99; etcd#12704; reliability survey S12',
}
