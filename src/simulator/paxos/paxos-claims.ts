/** What must hold of ballots, leases and leaderships of the bare Paxos cores, held against every event as it happens. */
import type { AcceptorRecord, PaxosReply } from '../../protocols/paxos/types.ts'
import { ClaimBroken } from '../bare/claim-broken.ts'

const names = [
  'exclusivity',
  'token-unique',
  'token-monotone',
  'one-session-per-ballot',
  'no-ballot-below-a-promise',
  'ceiling-before-promise',
  'drop-after-silence',
  'valid-is-held',
  'vacancy-ends',
  'nothing-fails',
] as const
export type PaxosClaim = (typeof names)[number]

/** Who was told that it leads, and not that it lost. */
export interface Leading {
  readonly election: string
  readonly exclusivity: 'time' | 'token'
  readonly token: number
  readonly session: string
  /** By the clock of its process. */
  isValid(): boolean
}

/** Of one acceptor's place, over all its lives. */
interface AcceptorHistory {
  /** By instance: to whom each ballot was given, and the highest. */
  readonly given: Map<string, Map<number, string>>
  readonly highest: Map<string, number>
}

export class PaxosClaims {
  readonly evaluations = Object.fromEntries(names.map((name) => [name, 0])) as Record<PaxosClaim, number>
  readonly leading = new Set<Leading>()
  /** True time of the last moment in which somebody led, by election. */
  readonly ledAt = new Map<string, number>()
  readonly #now: () => number
  readonly #acceptors: AcceptorHistory[]
  readonly #newest = new Map<string, number>()

  constructor(acceptors: number, now: () => number) {
    this.#now = now
    this.#acceptors = Array.from({ length: acceptors }, () => ({ given: new Map(), highest: new Map() }))
  }

  ensure(holds: boolean, claim: PaxosClaim, facts: () => string): void {
    this.evaluations[claim] += 1
    if (!holds) throw new ClaimBroken(claim, facts())
  }

  // ---- leaderships ---------------------------------------------------------------------------------------------------

  elected(leader: Leading): void {
    const { election, token } = leader
    const newest = this.#newest.get(election) ?? 0
    this.ensure(token !== newest, 'token-unique', () => `${about(leader)}, and somebody had it before`)
    // Also in token mode: whoever was told late of an older grant must not find a guard that knows only that.
    this.ensure(token > newest, 'token-monotone', () => `${about(leader)}, after ${newest}`)
    this.#newest.set(election, token)
    this.leading.add(leader)
    this.ledAt.set(election, this.#now())
    this.alone(leader)
  }

  ended(leader: Leading): void {
    if (this.leading.delete(leader)) this.ledAt.set(leader.election, this.#now())
  }

  /** Time mode: if it is valid, no other one is. */
  alone(leader: Leading): void {
    const { election, exclusivity } = leader
    if (exclusivity !== 'time' || !leader.isValid()) return
    this.evaluations.exclusivity += 1
    for (const other of this.leading) {
      if (other === leader || other.election !== election || !other.isValid()) continue
      throw new ClaimBroken(
        'exclusivity',
        `${about(leader)} and ${about(other)} are both valid at ${this.#now()}`,
      )
    }
  }

  /** A valid time-mode leadership: so few could promise its election to others that they are no majority. */
  held(leader: Leading, free: number, needed: number): void {
    this.ensure(free < needed, 'valid-is-held', () => {
      return `${about(leader)} is valid at ${this.#now()}, and ${free} acceptors do not hold it any more`
    })
  }

  // ---- acceptors -----------------------------------------------------------------------------------------------------

  /** About to leave. */
  tells(place: number, session: string, reply: PaxosReply, disk: AcceptorRecord | null): void {
    if (reply.type !== 'promise' && reply.type !== 'accepted') return
    const { instance, ballot, type } = reply
    const { given, highest } = this.#acceptors[place] as AcceptorHistory
    this.ensure((disk?.ceiling ?? 0) >= ballot, 'ceiling-before-promise', () => {
      return `acceptor ${place + 1} says ${type} to ballot ${ballot} of ${instance}, and its disk has ${disk?.ceiling}`
    })
    const ballots = given.get(instance) ?? new Map<number, string>()
    given.set(instance, ballots)
    const before = ballots.get(ballot)
    this.ensure(before === undefined || before === session, 'one-session-per-ballot', () => {
      return `acceptor ${place + 1} gives ballot ${ballot} of ${instance} to ${session}, and gave it to ${before} before`
    })
    ballots.set(ballot, session)
    const most = highest.get(instance) ?? 0
    // What was decided earlier and waited for the disk may be told after something higher.
    this.ensure(ballot >= most || before === session, 'no-ballot-below-a-promise', () => {
      return `acceptor ${place + 1} says ${type} to ballot ${ballot} of ${instance} of ${session}, and promised ${most} before`
    })
    highest.set(instance, Math.max(most, ballot))
  }

  /** An acceptor let go of a time-mode owner by itself; `silentMs` in true time, since it heard it or started. */
  drops(place: number, owner: string, silentMs: number, leaseMs: number): void {
    this.ensure(silentMs >= leaseMs, 'drop-after-silence', () => {
      return `acceptor ${place + 1} lets go of ${owner} after ${silentMs} ms of silence, its lease is ${leaseMs}`
    })
  }
}

function about({ session, token, election }: Leading): string {
  return `${session} with token ${token} of '${election}'`
}
