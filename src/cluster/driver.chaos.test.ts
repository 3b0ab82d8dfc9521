/** Whole clusters under random faults on virtual time; what must hold is said in `raft-chaos.ts`. */
import { afterEach, it } from 'vitest'
import { RaftChaos } from '../testing/raft-chaos.ts'

const seeds = Number(process.env['MANDATE_CHAOS_SEEDS'] ?? 20)
const firstSeed = Number(process.env['MANDATE_CHAOS_FIRST'] ?? 1)

let chaos: RaftChaos
afterEach(() => chaos.world.close())

for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
  it(`keeps its promises under faults, seed ${seed}`, () => {
    chaos = new RaftChaos(seed)
    return chaos.run(40)
  }, 240_000)
}
