/** Who stands where: candidates of several processes in a few elections, some of them with an id that another has too. */
import type { Exclusivity } from '../backends/backend.ts'
import type { Timing } from '../lease/timing.ts'
import type { FaultClass, PlacePlan, ProcessPlan } from './plan.ts'
import type { Stream } from './streams.ts'

export interface PlacesRequest {
  readonly processes: readonly ProcessPlan[]
  readonly faults: readonly FaultClass[]
  readonly timing: Timing
  /** Else they observe only, and are refused when their application campaigns all the same. */
  readonly clientsStand: boolean
  readonly chance: Stream
  /** Who ails; apart, so that the rest of a plan stays what it is without. */
  readonly health: Stream
}

interface Contest {
  readonly election: string
  readonly exclusivity: Exclusivity
}

export function drawPlaces(request: PlacesRequest): PlacePlan[] {
  const places = placesOf(request)
  if (request.clientsStand) return places
  const clients = new Set(request.processes.flatMap(({ name, isPeer }) => (isPeer ? [] : [name])))
  return places.map((place) => (clients.has(place.process) ? onlooker(place) : place))
}

function onlooker(place: PlacePlan): PlacePlan {
  return { ...place, campaigns: null, observes: true }
}

function placesOf({ processes, faults, timing, chance, health }: PlacesRequest): PlacePlan[] {
  if (faults.length === 0) return processes.map(({ name }) => quietPlace(name))
  const contests: Contest[] = [{ election: 'e1', exclusivity: chance.chance(0.7) ? 'time' : 'token' }]
  if (chance.chance(0.6)) contests.push({ election: 'e2', exclusivity: chance.pick(['time', 'token']) })
  if (chance.chance(0.2)) contests.push({ election: 'e3', exclusivity: 'time' })
  const busy = faults.includes('api')
  const styles = busy ? (['campaign', 'campaign', 'lead'] as const) : (['campaign'] as const)
  const holds = chance.pick([null, [50, 400], [200, 3000], [1000, 10_000]] as const)
  const rests = chance.pick([
    [1, 50],
    [10, 500],
    [200, 2000],
  ] as const)
  const place = (process: string, candidate: string, contest: Contest): PlacePlan => ({
    process,
    candidate,
    ...contest,
    priority: chance.chance(0.3) ? chance.below(3) : 0,
    campaigns: chance.chance(0.9) ? chance.pick(styles) : null,
    holdsMs: chance.chance(0.1) ? null : holds,
    restsMs: rests,
    // Some hardly ever look whether they lead, and depend on being told.
    worksMs: chance.chance(0.2) ? 10_000 : Math.max(10, timing.heartbeatMs * chance.between(0.3, 2)),
    observes: chance.chance(0.3),
    ails: busy && health.chance(0.15),
  })
  const places: PlacePlan[] = []
  for (const { name } of processes) {
    const candidates = chance.chance(0.2) ? [name, `${name}-b`] : [name]
    for (const candidate of candidates) {
      for (const contest of contests) if (chance.chance(0.8)) places.push(place(name, candidate, contest))
    }
  }
  const [first, second] = chance.shuffled(processes)
  if (busy && chance.chance(0.2) && first !== undefined && second !== undefined) {
    places.push(place(first.name, second.name, chance.pick(contests)))
  }
  return places
}

/** One election that nobody gives up. */
function quietPlace(process: string): PlacePlan {
  return {
    process,
    candidate: process,
    election: 'e1',
    exclusivity: 'time',
    priority: 0,
    campaigns: 'campaign',
    holdsMs: null,
    restsMs: [10, 500],
    worksMs: 1000,
    observes: false,
    ails: false,
  }
}
