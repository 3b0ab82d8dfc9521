/** What must hold of the classic bully, held against every event of a run as it happens, by what the judge saw travel. */
import type { Timing } from '../../../lease/timing.ts'
import type { ClassicMessage, ClassicRecord, Reign } from '../../../protocols/bully/classic/types.ts'
import { compareRanks } from '../../../protocols/bully/rank.ts'
import { ClaimBroken } from '../../bare/claim-broken.ts'
import type { ClassicCandidate } from './classic-candidate.ts'

const names = [
  'rank-unique',
  'durable-before-led',
  'stopped-before-merged',
  'late-not-believed',
  'lower-stops',
  'one-leader',
  'vacancy-ends',
  'nothing-fails',
] as const
export type ClassicClaim = (typeof names)[number]

/** What one process was told by another, by its own clock. */
interface Heard {
  incarnation: number
  heardAt: number
  echoedAt: number
  /** Evidence of death came then, true or not. */
  deadAt: number
  /** By election, the newest word about a reign. */
  readonly reigns: Map<string, { readonly revision: number; readonly reign: Reign | null }>
}

interface Followed {
  readonly peer: string
  readonly session: string
  readonly epoch: number
}

export class ClassicClaims {
  readonly evaluations = Object.fromEntries(names.map((name) => [name, 0])) as Record<ClassicClaim, number>
  /** Candidates that lead, and were not told to stop or did not yet; of processes that live. */
  readonly leading = new Set<ClassicCandidate>()
  readonly #timing: Timing
  /** By election, ranks that were given. */
  readonly #ranks = new Map<string, Set<string>>()
  /** By place, whom it has heard, and by election whom it follows. */
  #heard = new Map<number, Map<string, Heard>>()
  readonly #follows = new Map<string, Followed | null>()

  constructor(timing: Timing) {
    this.#timing = timing
  }

  ensure(holds: boolean, claim: ClassicClaim, facts: () => string): void {
    this.evaluations[claim] += 1
    if (!holds) throw new ClaimBroken(claim, facts())
  }

  // ---- what travels ----------------------------------------------------------------------------------------------------

  started(place: number): void {
    this.#heard.set(place, new Map())
    for (const key of [...this.#follows.keys()]) if (key.startsWith(`${place} `)) this.#follows.delete(key)
  }

  delivered(
    place: number,
    from: string,
    { stamp, body }: ClassicMessage,
    at: { now: number; run: number },
  ): void {
    const heard = this.#of(place, from)
    if (stamp.incarnation < heard.incarnation) return
    if (stamp.incarnation > heard.incarnation) {
      Object.assign(heard, { incarnation: stamp.incarnation, echoedAt: -Infinity })
      heard.reigns.clear()
    }
    heard.heardAt = at.now
    const { echo } = stamp
    if (echo !== null && echo.incarnation === at.run && echo.at > heard.deadAt)
      heard.echoedAt = Math.max(heard.echoedAt, echo.at)
    if (body.type === 'reign') noteReign(heard, body.election, body)
    if (body.type === 'reigns')
      for (const { election, reign } of body.list)
        noteReign(heard, election, { revision: body.revision, reign })
  }

  evidence(place: number, about: string, now: number): void {
    Object.assign(this.#of(place, about), { deadAt: now, heardAt: -Infinity, echoedAt: -Infinity })
  }

  // ---- leaderships -----------------------------------------------------------------------------------------------------

  leads(
    candidate: ClassicCandidate,
    is: 'granted' | 'risen',
    { records, now }: { readonly records: readonly ClassicRecord[]; readonly now: number },
  ): void {
    const { election } = candidate.plan
    const { epoch, place } = candidate
    const rank = `${epoch}.${place}`
    const ranks = this.#ranks.get(election) ?? new Set<string>()
    this.#ranks.set(election, ranks)
    this.ensure(
      !ranks.has(rank),
      'rank-unique',
      () => `${about(candidate)}, and somebody had that rank before`,
    )
    ranks.add(rank)
    const isDurable = records.some((record) => record.election === election && record.epoch === epoch)
    this.ensure(
      isDurable,
      'durable-before-led',
      () => `${about(candidate)}, and that epoch is not on its disk`,
    )
    this.leading.add(candidate)
    if (is === 'risen') this.#alone(candidate, now)
  }

  /** A higher epoch tells of a merge: whoever is known here to lead has stopped, or was not heard for a lease. */
  #alone(candidate: ClassicCandidate, now: number): void {
    const { election } = candidate.plan
    for (const other of this.leading) {
      if (other === candidate || other.plan.election !== election || !other.isValid()) continue
      const heard = this.#of(candidate.place, other.plan.process)
      // An earlier leadership of that session may be all that was heard of.
      const reign = heard.reigns.get(election)?.reign
      const isKnown = reign?.stand.session === other.session && reign.epoch >= other.since
      this.ensure(!isKnown || now - heard.heardAt >= this.#timing.leaseMs, 'stopped-before-merged', () => {
        return `${about(candidate)} announces a merge while ${about(other)} has not stopped, and it knows`
      })
    }
  }

  superseded(candidate: ClassicCandidate, now: number): void {
    const { election, candidate: id, priority } = candidate.plan
    const own = { stand: { id, priority }, slot: candidate.place }
    const higher = [...(this.#heard.get(candidate.place) ?? [])].some(([, heard]) => {
      const reign = heard.reigns.get(election)?.reign
      return reign != null && outranks(reign, own) && this.#isFresh(heard, now)
    })
    this.ensure(
      higher,
      'lower-stops',
      () => `${about(candidate)} is told to stop, and nobody higher is linked`,
    )
  }

  stops(candidate: ClassicCandidate): void {
    this.leading.delete(candidate)
  }

  // ---- who is believed -------------------------------------------------------------------------------------------------

  follows(
    place: number,
    election: string,
    { peer, reign, now }: { readonly peer: string; readonly reign: Reign | null; readonly now: number },
  ): void {
    const key = `${place} ${election}`
    const before = this.#follows.get(key) ?? null
    const next =
      reign === null ? null : { peer: `p${reign.slot + 1}`, session: reign.stand.session, epoch: reign.epoch }
    this.#follows.set(key, next)
    if (before !== null && before.peer !== peer && before.session !== next?.session)
      this.#hasLeft(place, before, now)
    if (next === null || next.peer === peer) return
    const heard = this.#of(place, next.peer)
    this.ensure(this.#isFresh(heard, now), 'late-not-believed', () => {
      return `${peer} believes ${next.session}, whose peer it heard at ${heard.heardAt}, and whose echo is of ${heard.echoedAt}; it is ${now}`
    })
  }

  /** It followed somebody who is linked as surely as can be: that one has stopped. */
  #hasLeft(place: number, before: Followed, now: number): void {
    const { leaseMs } = this.#timing
    const heard = this.#of(place, before.peer)
    const isLinked = now - heard.heardAt < leaseMs && now - heard.echoedAt < leaseMs
    // The session may have stopped, and have won again since: that is another leadership.
    const leader = [...this.leading].find(
      (one) => one.session === before.session && one.since <= before.epoch && one.isValid(),
    )
    this.ensure(!isLinked || leader === undefined, 'stopped-before-merged', () => {
      return `peer ${place + 1} leaves ${before.session}, which it hears, and which has not stopped`
    })
  }

  #isFresh({ heardAt, echoedAt }: Heard, now: number): boolean {
    const { leaseMs, heartbeatMs, maxClockDrift, tickMs } = this.#timing
    const silence = leaseMs * (1 + maxClockDrift) + tickMs
    return now - heardAt <= silence && now - echoedAt <= silence + 2 * heartbeatMs
  }

  #of(place: number, from: string): Heard {
    const all = this.#heard.get(place) ?? new Map<string, Heard>()
    this.#heard.set(place, all)
    const never = { incarnation: 0, heardAt: -Infinity, echoedAt: -Infinity, deadAt: -Infinity }
    const heard = all.get(from) ?? { ...never, reigns: new Map() }
    all.set(from, heard)
    return heard
  }
}

function noteReign(
  heard: Heard,
  election: string,
  { revision, reign }: { readonly revision: number; readonly reign: Reign | null },
): void {
  if ((heard.reigns.get(election)?.revision ?? -1) <= revision)
    heard.reigns.set(election, { revision, reign })
}

interface Ranked {
  readonly stand: { readonly id: string; readonly priority: number }
  readonly slot: number
}

function outranks(left: Ranked, right: Ranked): boolean {
  return (compareRanks(left.stand, right.stand) || left.slot - right.slot) > 0
}

export function about({ plan, epoch, place, session }: ClassicCandidate): string {
  return `${plan.candidate} (session ${session}) with rank ${epoch}.${place} of '${plan.election}'`
}
