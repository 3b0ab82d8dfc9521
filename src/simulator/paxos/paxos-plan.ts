/** What a seed decides about a run of the bare Paxos cores: as for Raft's, with contests of its own. */
import type { CandidatePlan, CorePlan } from '../core/core-plan.ts'
import { drawCorePlan } from '../core/draw-core-plan.ts'
import type { DrawOptions } from '../draw-plan.ts'
import { Stream } from '../streams.ts'

export function drawPaxosPlan(seed: string, options: DrawOptions = {}): CorePlan {
  const plan = drawCorePlan(seed, options)
  const names = plan.peers.map(({ name }) => name)
  const quiet = plan.faults.length === 0
  return { ...plan, candidates: drawCandidates(names, quiet, new Stream(`${seed} paxos candidates`)) }
}

/** One session a process, with up to four elections on it: what a digest leaves out shows only when there are several. */
function drawCandidates(peers: readonly string[], quiet: boolean, chance: Stream): CandidatePlan[] {
  const contests = Array.from({ length: quiet ? 1 : 1 + chance.below(4) }, (_, index) => ({
    election: `e${index + 1}`,
    exclusivity: quiet || chance.chance(0.7) ? ('time' as const) : ('token' as const),
  }))
  const holds = chance.pick([null, [50, 400], [200, 3000], [1000, 10_000]] as const)
  const rests = chance.pick([
    [1, 50],
    [10, 500],
    [200, 2000],
  ] as const)
  return peers.flatMap((process) => {
    // Perhaps another one's name: then it is turned away while that one is heard.
    const candidate = !quiet && chance.chance(0.05) ? chance.pick(peers) : process
    return contests
      .filter(() => quiet || chance.chance(0.7))
      .map((contest) => ({
        process,
        candidate,
        ...contest,
        priority: chance.chance(0.3) ? chance.below(3) : 0,
        holdsMs: quiet || chance.chance(0.1) ? null : holds,
        restsMs: rests,
      }))
  })
}
