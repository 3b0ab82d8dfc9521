/** What a seed decides: who takes part and how well their machines work, then what is done to them. */
import type { TuningMode } from '../cluster/peer-options.ts'
import { resolveTiming, type Timing, type TimingInput } from '../lease/timing.ts'
import { shortestLeaseMs } from '../lease/timing-rules.ts'
import { drawActions } from './draw-actions.ts'
import { drawPlaces } from './draw-places.ts'
import { drawRate } from './draw-rate.ts'
import { faultClasses, type FaultClass, type Mode, type Plan, type ProcessPlan } from './plan.ts'
import { perfectRoute, type RouteQuality } from './route.ts'
import { Stream } from './streams.ts'
import type { Protocol } from './sweep/level.ts'

export type FaultName = FaultClass | 'none' | 'all' | 'storm'

export interface DrawOptions {
  /** @default 'raft' */
  readonly protocol?: Protocol
  /** What may be broken; `all`: every class; `storm`: every class, and often. @default ['all'] */
  readonly faults?: readonly FaultName[]
  /** @default [3, 7] */
  readonly peers?: readonly [min: number, max: number]
  /** @default 60000 */
  readonly simulatedMs?: number
  /** @default drawn */
  readonly mode?: Mode
  /** @default drawn; 'default' where nothing may be broken */
  readonly timing?: TimingInput
  /** Of all peers. @default drawn; 'fixed' where nothing may be broken */
  readonly tuning?: TuningMode
}

export function drawPlan(seed: string, options: DrawOptions = {}): Plan {
  const { simulatedMs = 60_000, faults: names = ['all'], peers: [least, most] = [3, 7] } = options
  const { protocol = 'raft' } = options
  const faults = faultsOf(names)
  const quiet = faults.length === 0
  const chance = new Stream(`${seed} plan`)
  const peers = numbered('p', least + chance.below(most - least + 1))
  const clients = numbered('c', quiet ? 0 : chance.below(4))
  const timing = options.timing === undefined && !quiet ? drawTiming(chance) : resolveTiming(options.timing)
  const mode = options.mode ?? (quiet || chance.chance(0.6) ? 'safety' : 'liveness')
  const doomed = mode === 'liveness' || faults.includes('disk') ? minorityOf(peers, chance) : []
  const core = peers.filter((peer) => !doomed.includes(peer))
  const tuningOf = drawTuning(options.tuning ?? (quiet ? 'fixed' : undefined), new Stream(`${seed} tuning`))
  const processes = [...peers, ...clients].map((name) => ({
    ...drawProcess(name, peers.includes(name), faults, timing, new Stream(`${seed} plan of ${name}`)),
    tuning: tuningOf(),
  }))
  const places = drawPlaces({
    ...{ processes, faults, timing },
    // Only peers stand in the elections of a bully cluster; clients watch.
    clientsStand: protocol !== 'bully',
    chance: new Stream(`${seed} places`),
    health: new Stream(`${seed} health`),
  })
  const healAtMs = simulatedMs - tailMs(timing, simulatedMs)
  return {
    seed,
    protocol,
    mode,
    faults,
    simulatedMs,
    healAtMs,
    core,
    processes,
    timing,
    tokenBase: chance.chance(0.2) ? 1_000_000n : 0n,
    logBytesMax: 256 * 1024 * 1024,
    quality: faults.includes('network') ? drawQuality(timing, chance) : perfectRoute,
    encoded: chance.chance(quiet ? 0 : 0.1),
    places,
    actions: drawActions({
      chance: new Stream(`${seed} actions`),
      mode,
      faults,
      storm: names.includes('storm'),
      timing,
      healAtMs,
      simulatedMs,
      peers,
      clients,
      doomed,
      places,
    }),
  }
}

export function faultsOf(names: readonly FaultName[]): FaultClass[] {
  if (names.includes('all') || names.includes('storm')) return [...faultClasses]
  return faultClasses.filter((name) => names.includes(name))
}

export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`)
}

/** Perhaps fewer than a majority leaves, never none of a majority. */
export function minorityOf(peers: readonly string[], chance: Stream): string[] {
  const most = Math.floor((peers.length - 1) / 2)
  return chance.shuffled(peers).slice(0, chance.below(most + 1))
}

/** Healed for so long at the end: enough for elections, expiries and their repetitions. */
export function tailMs(timing: Timing, simulatedMs: number): number {
  const wantedMs = Math.max(10_000, 15 * timing.electionTimeoutMs[1] + 4 * timing.leaseMs)
  return Math.min(wantedMs, simulatedMs / 2)
}

export function drawTiming(chance: Stream): Timing {
  const kind = chance.below(4)
  if (kind === 0) return resolveTiming('fast')
  if (kind === 1) return resolveTiming('default')
  const heartbeatMs = Math.round(chance.between(20, 150))
  const minMs = Math.round(heartbeatMs * chance.between(2.5, 8))
  const bounds = { maxClockDrift: chance.pick([0.001, 0.001, 0.01, 0.05]), tickMs: chance.pick([1, 1, 10]) }
  const leastMs = shortestLeaseMs({ heartbeatMs, ...bounds })
  return resolveTiming({
    heartbeatMs,
    electionTimeoutMs: [minMs, Math.round(minMs * chance.between(1.3, 2.5))],
    leaseMs: leastMs + Math.round(chance.between(0, 1) ** 2 * 20 * heartbeatMs),
    ...bounds,
  })
}

/** All fixed, all adaptive, or each as it comes: a cluster whose configuration is changed one peer at a time. */
function drawTuning(given: TuningMode | undefined, chance: Stream): () => TuningMode {
  if (given !== undefined) return () => given
  const kind = chance.below(3)
  return () => (kind === 0 || (kind === 1 && chance.chance(0.5)) ? 'fixed' : 'adaptive')
}

function drawProcess(
  name: string,
  isPeer: boolean,
  faults: readonly FaultClass[],
  timing: Timing,
  chance: Stream,
): Omit<ProcessPlan, 'tuning'> {
  const clocks = faults.includes('clock')
  const quickMs = chance.between(0.05, 1)
  return {
    name,
    isPeer,
    clockRate: clocks ? drawRate(timing, chance) : 1,
    clockTickMs: clocks && chance.chance(0.3) ? chance.pick([1 / 1024, 0.5, timing.tickMs]) : 0,
    wallOffsetMs: Math.round(chance.between(-1e7, 1e7)),
    onClockStep: clocks && chance.chance(0.2) ? 'ignore' : 'lose',
    timerLateMs: faults.includes('process') ? chance.pick([0, 1, 5]) : 0,
    writeMs: [quickMs, quickMs + chance.between(0, faults.includes('disk') ? 10 : 1)],
    startsAtMs: chance.between(0, chance.chance(0.5) ? 10 : 2000),
  }
}

/** What links are like on a good day. */
function drawQuality({ heartbeatMs }: Timing, chance: Stream): RouteQuality {
  const minMs = chance.between(0.02, 1) ** 3 * heartbeatMs * 0.2
  return { ...perfectRoute, minMs, maxMs: minMs + chance.between(0, 1) ** 3 * heartbeatMs * 0.2 + 0.05 }
}
