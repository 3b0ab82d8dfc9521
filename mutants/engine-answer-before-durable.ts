import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'cluster/engine/engine-peer.ts',
  find: `        if (after === undefined) put()
        else this.#disk.gate('engine', after, put)
        return
      }
      case 'ask': {`,
  replace: `        put()
        return
      }
      case 'ask': {`,
  claim: 'What a core answers waits for the write that it depends on.',
  source: 'DESIGN §3.2; Raft Figure 2, of every protocol',
}
