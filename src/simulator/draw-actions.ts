/**
 * What is done to a simulated world, and when. Each seed draws its own weights, and switches some kinds off altogether:
 * where everything happens all the time, many a bug hides (swarm testing: Groce et al., ISSTA 2012).
 */
import type { Timing } from '../lease/timing.ts'
import { drawRate } from './draw-rate.ts'
import { seamCalls } from './incarnation.ts'
import type { Action, ApiAction, FaultAction, FaultClass, Mode, PlacePlan, Way } from './plan.ts'
import { perfectRoute, type RouteQuality } from './route.ts'
import type { Stream } from './streams.ts'

export interface ActionsRequest {
  readonly chance: Stream
  readonly mode: Mode
  readonly faults: readonly FaultClass[]
  readonly storm: boolean
  readonly timing: Timing
  readonly healAtMs: number
  readonly simulatedMs: number
  readonly peers: readonly string[]
  readonly clients: readonly string[]
  /** Peers that may lose their data for ever. */
  readonly doomed: readonly string[]
  readonly places: readonly PlacePlan[]
}

type Draw = (request: ActionsRequest) => FaultAction | ApiAction | null

const ACTIONS_MAX = 20_000

export function drawActions(request: ActionsRequest): Action[] {
  const { chance, faults, storm, healAtMs, mode, timing } = request
  const actions: Action[] = []
  for (const name of faults) {
    const kinds = weighted(kindsOf[name], storm, chance)
    if (kinds.length === 0) continue
    // Between two of a class, on average: from a fraction of a lease to many.
    const scaleMs = Math.max(timing.leaseMs, timing.electionTimeoutMs[1])
    const meanMs = scaleMs * (storm ? chance.between(0.2, 1.5) : 2 ** chance.between(-1, 5))
    for (let at = 200 + waitMs(meanMs, chance); at < healAtMs; at += waitMs(meanMs, chance)) {
      const action = chance.pick(kinds)(request)
      if (action !== null) actions.push({ at: Math.round(at * 8) / 8, ...action })
      if (actions.length > ACTIONS_MAX) break
    }
  }
  if (mode === 'liveness') actions.push(...fates(request))
  return actions.toSorted((a, b) => a.at - b.at)
}

function waitMs(meanMs: number, chance: Stream): number {
  return -Math.log(1 - chance.next()) * meanMs
}

/** Each kind as often as its weight says; some not at all. */
function weighted(kinds: readonly Draw[], storm: boolean, chance: Stream): Draw[] {
  return kinds.flatMap((kind) => {
    if (!storm && chance.chance(0.35)) return []
    return Array.from({ length: 1 + chance.below(storm ? 3 : 6) }, () => kind)
  })
}

// ---- the kinds ------------------------------------------------------------------------------------------------------

/** Names that are looked up when the action is carried out: whoever leads then. */
const leaders = ['@raft', '@holder'] as const

const someone = ({ chance, peers, clients }: ActionsRequest): string =>
  chance.chance(0.4) ? chance.pick(leaders) : chance.pick([...peers, ...peers, ...clients])
const somePeer = ({ chance, peers }: ActionsRequest): string =>
  chance.chance(0.3) ? '@raft' : chance.pick(peers)

/** From a part of a heartbeat to several leases; short more often than long. */
function spanMs({ chance, timing }: ActionsRequest): number {
  const [shortMs, longMs] = [
    timing.heartbeatMs / 4,
    4 * Math.max(timing.leaseMs, timing.electionTimeoutMs[1]),
  ]
  return Math.round(shortMs * (longMs / shortMs) ** chance.next())
}

const kindsOf: { readonly [name in FaultClass]: readonly Draw[] } = {
  process: [
    (r) => ({ type: 'crash', process: someone(r), backAfterMs: spanMs(r) }),
    (r) => ({ type: 'crash', process: someone(r), backAfterMs: r.chance.between(1, 20) }),
    (r) => ({
      type: 'crash-at',
      process: someone(r),
      call: r.chance.pick(['any', ...seamCalls]),
      count: 1 + r.chance.below(40),
      backAfterMs: spanMs(r),
    }),
    (r) => ({
      type: 'pause-at',
      process: someone(r),
      call: r.chance.pick(['any', ...seamCalls]),
      count: 1 + r.chance.below(40),
      forMs: spanMs(r),
    }),
    (r) => ({ type: 'power-loss', process: someone(r), backAfterMs: spanMs(r) }),
    (r) => ({ type: 'stop', process: someone(r), backAfterMs: spanMs(r) }),
    (r) => ({ type: 'stall', process: someone(r), forMs: spanMs(r) }),
    (r) => ({ type: 'pause', process: someone(r), forMs: spanMs(r) }),
  ],
  clock: [
    (r) => ({ type: 'clock-rate', process: someone(r), rate: drawRate(r.timing, r.chance) }),
    (r) => ({ type: 'clock-step', process: someone(r), ms: Math.round(r.chance.between(-5000, 5000)) }),
    (r) => ({ type: 'clock-step', process: someone(r), ms: Math.round(r.chance.between(-100, 100)) }),
    (r) => ({ type: 'suspend', process: someone(r), forMs: spanMs(r) }),
  ],
  disk: [
    (r) => ({ type: 'disk-hang', process: somePeer(r), forMs: spanMs(r) }),
    (r) => ({
      type: 'disk-slow',
      process: somePeer(r),
      factor: 2 ** r.chance.between(1, 8),
      forMs: spanMs(r),
    }),
    (r) => ({ type: 'disk-fail', process: somePeer(r), how: r.chance.pick(['fsync', 'full']) }),
    (r) => doomedAction(r, 'bit-flip'),
    (r) => doomedAction(r, 'snapshot'),
    (r) => doomedAction(r, 'restore'),
  ],
  network: [
    (r) => cut(r, 'isolate', isolate(someone(r))),
    (r) => cut(r, 'isolate one way', isolate(someone(r)).slice(r.chance.below(2)).slice(0, 1)),
    (r) => cut(r, 'one way', [[someone(r), r.chance.pick(r.peers)]]),
    (r) => cut(r, 'halves', halves(r)),
    (r) => cut(r, 'ring', ring(r)),
    (r) => cut(r, 'bridge', bridge(r)),
    (r) => cut(r, 'clients', clientsFrom(r)),
    (r) => ({ type: 'reset', from: someone(r), to: somePeer(r) }),
    (r) => ({ type: 'weather', ways: [], quality: drawWeather(r), forMs: spanMs(r) }),
    (r) => ({ type: 'weather', ways: isolate(someone(r)), quality: drawWeather(r), forMs: spanMs(r) }),
  ],
  api: [
    (r) => call(r, 'campaign'),
    (r) => call(r, 'lead'),
    (r) => call(r, 'cancel'),
    (r) => call(r, 'resign'),
    (r) => call(r, 'proclaim'),
    (r) => call(r, 'close'),
    (r) => call(r, 'recreate'),
    (r) => call(r, 'recreate'),
    (r) => call(r, 'observe'),
    (r) => call(r, 'unobserve'),
    (r) => ({
      type: 'transfer',
      place: r.chance.below(r.places.length),
      to: r.chance.pick(r.places).candidate,
    }),
  ],
}

function call(
  { chance, places }: ActionsRequest,
  type: Exclude<ApiAction['type'], 'transfer'>,
): ApiAction | null {
  return places.length === 0 ? null : { type, place: chance.below(places.length) }
}

/** A peer that lost its data is lost: only a minority may be. */
function doomedAction(
  { chance, doomed }: ActionsRequest,
  type: 'bit-flip' | 'snapshot' | 'restore',
): FaultAction | null {
  // One flip is for ever, so there is no use in many of them.
  if (doomed.length === 0 || (type !== 'snapshot' && chance.chance(0.7))) return null
  return { type, process: chance.pick(doomed) }
}

function cut(request: ActionsRequest, shape: string, ways: readonly Way[]): FaultAction | null {
  return ways.length === 0 ? null : { type: 'cut', shape, ways, forMs: spanMs(request) }
}

/** Out of it, then into it. */
function isolate(process: string): readonly Way[] {
  return [
    [process, '*'],
    ['*', process],
  ]
}

function between(left: readonly string[], right: readonly string[]): Way[] {
  return left.flatMap((a) =>
    right.flatMap((b): Way[] => [
      [a, b],
      [b, a],
    ]),
  )
}

function halves({ chance, peers, clients }: ActionsRequest): Way[] {
  const order = chance.shuffled([...peers, ...clients])
  const at = 1 + chance.below(order.length - 1)
  return between(order.slice(0, at), order.slice(at))
}

/** Every peer sees a majority, each a different one. */
function ring({ chance, peers }: ActionsRequest): Way[] {
  const order = chance.shuffled(peers)
  const reach = Math.floor(peers.length / 4) + 1
  const ways: Way[] = []
  for (let i = 0; i < order.length; i++) {
    for (let j = i + 1; j < order.length; j++) {
      const distance = Math.min(j - i, order.length - (j - i))
      if (distance > reach || order.length === 3)
        ways.push(...between([order[i] as string], [order[j] as string]))
    }
  }
  return order.length === 3 ? ways.slice(0, 2) : ways
}

/** Two halves, and one peer that sees both. */
function bridge({ chance, peers }: ActionsRequest): Way[] {
  const [, ...order] = chance.shuffled(peers)
  const middle = Math.floor(order.length / 2)
  return between(order.slice(0, middle), order.slice(middle))
}

function clientsFrom({ chance, peers, clients }: ActionsRequest): Way[] {
  if (clients.length === 0) return []
  const some = chance.shuffled(peers).slice(0, 1 + chance.below(peers.length))
  return chance.chance(0.5)
    ? between(some, clients)
    : some.flatMap((peer) => clients.map((one): Way => [peer, one]))
}

function drawWeather({ chance, timing }: ActionsRequest): RouteQuality {
  const part = (most: number): number => (chance.chance(0.5) ? chance.next() * most : 0)
  const minMs = part(timing.heartbeatMs)
  return {
    ...perfectRoute,
    faulty: true,
    minMs,
    maxMs: minMs + 0.5 + part(timing.heartbeatMs * 2),
    loss: part(0.3),
    drop: part(0.3),
    duplicate: part(0.3),
    reorder: part(0.3),
    spike: part(0.1),
    spikeMs: spanMs({ chance, timing } as ActionsRequest),
  }
}

// ---- liveness -------------------------------------------------------------------------------------------------------

/** What the doomed suffer for ever, while the core is whole. */
function fates(request: ActionsRequest): Action[] {
  const { doomed } = request
  return doomed.flatMap((peer) => fateOf(peer, request))
}

function fateOf(peer: string, request: ActionsRequest): Action[] {
  const { chance, healAtMs, simulatedMs, timing, peers, doomed } = request
  const at = healAtMs - 1
  const core = peers.filter((one) => !doomed.includes(one))
  const some = chance.shuffled(core).slice(0, 1 + chance.below(core.length))
  const forEver = (shape: string, ways: readonly Way[]): Action[] => [
    { at: at - 1, type: 'start', process: peer },
    { at, type: 'cut', shape: `${shape} for ever`, ways, forMs: null },
  ]
  switch (chance.below(8)) {
    case 0:
      return [{ at, type: 'crash', process: peer, backAfterMs: null }]
    case 1:
      return [{ at, type: 'power-loss', process: peer, backAfterMs: null }]
    case 2:
      return forEver(
        'deaf',
        core.map((one): Way => [one, peer]),
      )
    case 3:
      return forEver(
        'mute',
        core.map((one): Way => [peer, one]),
      )
    case 4:
      return forEver(
        'partly deaf',
        some.map((one): Way => [one, peer]),
      )
    case 5:
      return forEver(
        'partly mute',
        some.map((one): Way => [peer, one]),
      )
    case 6:
      return forEver('partly cut off', between([peer], some))
    default: {
      // It comes and goes.
      const periodMs = Math.max(500, chance.between(0.5, 6) * timing.electionTimeoutMs[1])
      const actions: Action[] = []
      for (let time = at; time < simulatedMs; time += periodMs) {
        actions.push({
          at: time,
          type: 'crash',
          process: peer,
          backAfterMs: periodMs * chance.between(0.1, 0.9),
        })
      }
      return actions
    }
  }
}
