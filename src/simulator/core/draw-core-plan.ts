/** What a seed decides about a run of the bare cores. */
import type { Timing } from '../../lease/timing.ts'
import { resolveTiming } from '../../lease/timing.ts'
import { drawTiming, faultsOf, minorityOf, numbered, tailMs, type DrawOptions } from '../draw-plan.ts'
import { drawRate } from '../draw-rate.ts'
import type { FaultClass, Way } from '../plan.ts'
import { Stream } from '../streams.ts'
import { perfectQuality } from './core-plan.ts'
import type { CandidatePlan, CorePeerPlan, CorePlan, CoreQuality } from './core-plan.ts'
import { drawCoreActions } from './draw-core-actions.ts'

export function drawCorePlan(seed: string, options: DrawOptions = {}): CorePlan {
  const { simulatedMs = 60_000, faults: names = ['all'], peers: [least, most] = [3, 7] } = options
  const faults = faultsOf(names)
  const quiet = faults.length === 0
  const chance = new Stream(`${seed} core plan`)
  const peers = numbered('p', least + chance.below(most - least + 1))
  const timing = options.timing === undefined && !quiet ? drawTiming(chance) : resolveTiming(options.timing)
  const mode = options.mode ?? (quiet || chance.chance(0.6) ? 'safety' : 'liveness')
  const doomed = mode === 'liveness' ? minorityOf(peers, chance) : []
  const deadForEver = doomed.filter(() => chance.chance(0.4))
  const core = peers.filter((peer) => !doomed.includes(peer))
  const candidates = drawCandidates(peers, quiet, new Stream(`${seed} core candidates`))
  const healAtMs = simulatedMs - tailMs(timing, simulatedMs)
  return {
    seed,
    mode,
    faults,
    simulatedMs,
    healAtMs,
    isJudgedWhole: tailMs(timing, simulatedMs) === tailMs(timing, Infinity),
    core,
    brokenWays: waysToBreak(core, doomed, chance),
    deadForEver,
    peers: peers.map((name) => drawPeer(name, faults, timing, new Stream(`${seed} core plan of ${name}`))),
    timing,
    tokenBase: chance.chance(0.2) ? 1_000_000n : 0n,
    maxEntriesPerAppend: quiet ? 64 : chance.pick([1, 2, 8, 64]),
    maxInflightAppends: quiet ? 8 : chance.pick([1, 2, 8]),
    quality: faults.includes('network') ? drawQuality(timing, chance) : perfectQuality,
    candidates,
    actions: drawCoreActions({
      chance: new Stream(`${seed} core actions`),
      faults,
      storm: names.includes('storm'),
      timing,
      healAtMs,
      peers,
      candidates: candidates.length,
      quality: (stream) => drawQuality(timing, stream),
    }),
  }
}

function drawPeer(name: string, faults: readonly FaultClass[], timing: Timing, chance: Stream): CorePeerPlan {
  const clocks = faults.includes('clock')
  const quickMs = chance.between(0.05, 1)
  return {
    name,
    clockRate: clocks ? drawRate(timing, chance) : 1,
    clockOffsetMs: chance.between(0, 1e7),
    clockTickMs: clocks && chance.chance(0.3) ? timing.tickMs * chance.next() : 0,
    writeMs: [quickMs, quickMs + chance.between(0, faults.includes('disk') ? 20 : 1)],
    startsAtMs: chance.between(0, 10),
  }
}

/** Between the core and the rest, for ever: nothing, one direction, or both. */
function waysToBreak(core: readonly string[], doomed: readonly string[], chance: Stream): Way[] {
  return doomed.flatMap((one) => {
    const [mute, deaf] = chance.pick([
      [true, true],
      [true, false],
      [false, true],
    ] as const)
    return core.flatMap((other) => [
      ...(mute ? [[one, other] as const] : []),
      ...(deaf ? [[other, one] as const] : []),
    ])
  })
}

/** Delays of up to a fifth of a heartbeat on a good day; beyond the network's seam, so that more goes wrong than can. */
function drawQuality({ heartbeatMs }: Timing, chance: Stream): CoreQuality {
  const minMs = chance.between(0.02, 1) ** 3 * heartbeatMs * 0.2
  return {
    minMs,
    maxMs: minMs + chance.between(0, 1) ** 3 * heartbeatMs * 0.3 + 0.05,
    drop: chance.chance(0.7) ? chance.between(0, 0.2) : 0,
    duplicate: chance.chance(0.7) ? chance.between(0, 0.2) : 0,
    late: chance.chance(0.7) ? chance.between(0, 0.2) : 0,
    lateMs: heartbeatMs * chance.between(0.5, 12),
  }
}

function drawCandidates(peers: readonly string[], quiet: boolean, chance: Stream): CandidatePlan[] {
  if (quiet) {
    return peers.map((process) => ({
      process,
      candidate: process,
      election: 'e1',
      exclusivity: 'time',
      priority: 0,
      holdsMs: null,
      restsMs: [10, 500],
    }))
  }
  const exclusivity = chance.chance(0.7) ? ('time' as const) : ('token' as const)
  const contests = [{ election: 'e1', exclusivity }]
  if (chance.chance(0.5)) contests.push({ election: 'e2', exclusivity: 'time' })
  const holds = chance.pick([null, [50, 400], [200, 3000], [1000, 10_000]] as const)
  const rests = chance.pick([
    [1, 50],
    [10, 500],
    [200, 2000],
  ] as const)
  const candidates: CandidatePlan[] = []
  for (const process of peers) {
    for (const contest of contests) {
      if (!chance.chance(0.7)) continue
      candidates.push({
        process,
        // Perhaps another one's name: the older session is replaced, and may never win again.
        candidate: chance.chance(0.05) ? chance.pick(peers) : `${process}-${contest.election}`,
        ...contest,
        priority: chance.chance(0.3) ? chance.below(3) : 0,
        holdsMs: chance.chance(0.1) ? null : holds,
        restsMs: rests,
      })
    }
  }
  return candidates
}
