/** What a seed decides. */
import type { Exclusivity } from '../backends/backend.ts'
import { resolveTiming, type Timing, type TimingInput } from '../lease/timing.ts'
import {
  faultClasses,
  type FaultClass,
  type Mode,
  type Plan,
  type PlacePlan,
  type ProcessPlan,
} from './plan.ts'
import { perfectRoute } from './route.ts'
import { Stream } from './streams.ts'

export interface DrawOptions {
  /** What may be broken; `all`: every class; `storm`: every class, often. @default ['all'] */
  readonly faults?: readonly (FaultClass | 'none' | 'all' | 'storm')[]
  /** @default [3, 7] */
  readonly peers?: readonly [min: number, max: number]
  /** @default 60 s */
  readonly simulatedMs?: number
  /** @default drawn */
  readonly mode?: Mode
  /** @default drawn */
  readonly timing?: TimingInput
}

export function drawPlan(seed: string, options: DrawOptions = {}): Plan {
  const chance = new Stream(`${seed} plan`)
  const { simulatedMs = 60_000 } = options
  const faults = faultsOf(options.faults ?? ['all'])
  const [least, most] = options.peers ?? [3, 7]
  const peers = names('p', least + chance.below(most - least + 1))
  const clients = names('c', faults.length === 0 ? 0 : chance.below(4))
  const timing = resolveTiming(options.timing ?? 'default')
  const processes = [
    ...peers.map((name) => processPlan(name, true, faults, timing, chance)),
    ...clients.map((name) => processPlan(name, false, faults, timing, chance)),
  ]
  return {
    seed,
    mode: options.mode ?? 'safety',
    faults,
    simulatedMs,
    healAtMs: simulatedMs / 2,
    core: peers,
    processes,
    timing,
    tokenBase: 0n,
    logBytesMax: 256 * 1024 * 1024,
    quality: perfectRoute,
    encoded: false,
    places: processes.flatMap(({ name }) => placesOf(name, faults)),
    actions: [],
  }
}

function faultsOf(names: readonly string[]): FaultClass[] {
  if (names.includes('all') || names.includes('storm')) return [...faultClasses]
  return faultClasses.filter((name) => names.includes(name))
}

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`)
}

function processPlan(
  name: string,
  isPeer: boolean,
  faults: readonly FaultClass[],
  timing: Timing,
  chance: Stream,
): ProcessPlan {
  const drift = faults.includes('clock') ? timing.maxClockDrift * 0.99 : 0
  return {
    name,
    isPeer,
    clockRate: 1 + chance.between(-drift, drift),
    clockTickMs: 0,
    wallOffsetMs: chance.between(-1e6, 1e6),
    onClockStep: 'lose',
    timerLateMs: 0,
    writeMs: [0.2, 0.6],
    startsAtMs: chance.between(0, 100),
  }
}

function placesOf(process: string, faults: readonly FaultClass[]): PlacePlan[] {
  const quiet = faults.length === 0
  const place = (election: string, exclusivity: Exclusivity): PlacePlan => ({
    process,
    candidate: process,
    election,
    exclusivity,
    priority: 0,
    campaigns: 'campaign',
    holdsMs: quiet ? null : [500, 3000],
    restsMs: [10, 500],
    worksMs: quiet ? 1000 : 100,
    observes: false,
  })
  return quiet ? [place('e1', 'time')] : [place('e1', 'time'), place('e2', 'token')]
}
