/** What is done to the bare cores, and when. */
import type { Timing } from '../../lease/timing.ts'
import type { FaultClass, Way } from '../plan.ts'
import type { Stream } from '../streams.ts'
import type { CoreAction, CoreQuality } from './core-plan.ts'

export interface CoreActionsRequest {
  readonly chance: Stream
  readonly faults: readonly FaultClass[]
  readonly storm: boolean
  readonly timing: Timing
  readonly healAtMs: number
  readonly peers: readonly string[]
  readonly candidates: number
  readonly quality: (chance: Stream) => CoreQuality
}

type Untimed<Action> = Action extends CoreAction ? Omit<Action, 'at'> : never
type Draw = () => Untimed<CoreAction>

export function drawCoreActions(request: CoreActionsRequest): CoreAction[] {
  const { chance, storm, timing, healAtMs } = request
  const draws = drawsOf(request)
  if (draws.length === 0) return []
  const [, timeoutMs] = timing.electionTimeoutMs
  const meanGapMs = timeoutMs * (storm ? chance.between(0.1, 1) : chance.between(1, 6))
  const actions: CoreAction[] = []
  for (let at = chance.between(0, timeoutMs); at < healAtMs; at += gap(meanGapMs, chance)) {
    actions.push({ at, ...chance.pick(draws)() })
  }
  return actions
}

/** Exponential: often several at once, then nothing for long. */
function gap(meanMs: number, chance: Stream): number {
  return -Math.log(1 - chance.next()) * meanMs
}

function drawsOf({ chance, faults, timing, peers, candidates, quality }: CoreActionsRequest): Draw[] {
  const [minMs, maxMs] = timing.electionTimeoutMs
  const lasting = (): number => chance.between(0, 1) ** 2 * 6 * maxMs + 1
  const anybody = (): string => chance.pick([...peers, '@raft', '@raft', '@holder'])
  const cut = (): Draw => () => ({ type: 'cut', ways: drawWays(peers, chance), forMs: lasting() })
  const draws: Draw[] = []
  if (faults.includes('network')) {
    draws.push(cut(), cut(), cut(), () => ({
      type: 'weather',
      quality: quality(chance),
      forMs: lasting(),
    }))
  }
  if (faults.includes('process')) {
    draws.push(
      // Often back before anybody missed it: what it forgot is what matters.
      () => ({
        type: 'crash',
        process: anybody(),
        backAfterMs: chance.chance(0.5) ? chance.between(0, minMs) : lasting(),
      }),
      () => ({ type: 'crash', process: anybody(), backAfterMs: lasting() }),
      () => ({ type: 'pause', process: anybody(), forMs: lasting() }),
      () => ({ type: 'accuse', process: anybody() }),
      () => ({ type: 'evidence', process: chance.pick(peers), about: anybody() }),
    )
  }
  if (faults.includes('disk')) {
    draws.push(() => ({
      type: 'disk-slow',
      process: anybody(),
      factor: chance.pick([10, 100, 1000]),
      forMs: lasting(),
    }))
  }
  if (faults.includes('api')) {
    draws.push(
      () => ({ type: 'raft-transfer', process: '@raft', to: chance.pick([null, ...peers]) }),
      () => ({ type: 'read', process: chance.pick(['@raft', ...peers]) }),
    )
    if (candidates > 0) {
      draws.push(() => ({
        type: chance.pick(['resign', 'resign', 'cancel', 'close', 'transfer'] as const),
        place: chance.below(candidates),
      }))
    }
  }
  return draws
}

/** One way, one peer, or a whole side; in one direction or in both. */
function drawWays(peers: readonly string[], chance: Stream): Way[] {
  const kind = chance.below(4)
  if (kind === 0) return [[chance.pick([...peers, '@raft']), chance.pick(peers)]]
  if (kind === 1) {
    const one = chance.pick([...peers, '@raft', '@holder'])
    const [mute, deaf] = [[one, '*'] as const, ['*', one] as const]
    return chance.pick([[mute], [deaf], [mute, deaf]])
  }
  const side = new Set(peers.filter(() => chance.chance(0.5)))
  const both = chance.chance(0.8)
  const ways: Way[] = []
  for (const from of peers) {
    for (const to of peers) {
      if (side.has(from) !== side.has(to) && (both || side.has(from))) ways.push([from, to])
    }
  }
  return ways
}
