/** What an acceptor remembers, and the one thing it may never forget: a ceiling above all that it ever promised. */
import { grantorSilenceMs } from '../../../lease/deadline.ts'
import type { PeerId } from '../../quorum/types.ts'
import type {
  AcceptorEffect,
  AcceptorOptions,
  AcceptorRecord,
  Address,
  Ballot,
  Ending,
  Exclusivity,
  Instance,
  LeaseBounds,
  Owner,
  SessionKey,
} from '../types.ts'

export interface Accepted extends Owner {
  readonly ballot: Ballot
  /** By `clock.lower()`: since when this ownership is known here. */
  readonly since: number
}

export interface Waiter {
  readonly address: Address
  readonly id: string
  readonly exclusivity: Exclusivity
  readonly priority: number
  /** Of its last prepare: an older release does not take it out of the line. */
  readonly ballot: Ballot
  /** Of its first: who came sooner stands before. */
  readonly arrival: number
}

export interface Entry {
  promised: Ballot
  /** Who may propose by exactly this ballot; null: nobody. */
  promisedTo: SessionKey | null
  accepted: Accepted | null
  /** Newest acquisition of token mode that was ever accepted here, of whomever. */
  token: Ballot
  readonly line: Map<SessionKey, Waiter>
  readonly watchers: Set<SessionKey>
  /** Handed over to this session: nobody else is promised anything while it is supported here. */
  keptFor: SessionKey | null
  /** Why the last owner is none any more; null: unknown. */
  lastEnding: Ending | null
}

export interface SessionTie {
  address: Address
  leaseMs: number
  /** By `clock.lower()`: when it was heard last, or made known here. */
  heardAt: number
  tie: number
  told: number
  /** Evidence of its death came, and nothing was heard of it since. */
  suspected: boolean
  /** Somebody waits behind it in token mode. */
  contested: boolean
  readonly holds: Set<Instance>
  readonly waits: Set<Instance>
  readonly watches: Set<Instance>
}

export interface Acceptor {
  readonly self: PeerId
  readonly life: number
  readonly bounds: LeaseBounds
  readonly suspectAfterMs: number
  readonly startedAt: number
  /** Until then it cannot know what an earlier life had accepted. */
  unsureUntil: number
  /** Of instances without an entry. */
  floor: Ballot
  /** No acquisition of token mode of an instance without an entry was above it in this life. */
  tokenFloor: Ballot
  readonly entries: Map<Instance, Entry>
  /** Entries that hold nothing, oldest first. */
  readonly vacant: Set<Instance>
  readonly sessions: Map<SessionKey, SessionTie>
  /** What was written in this life, oldest first; each covers more than the one before. */
  readonly records: (AcceptorRecord & { readonly sequence: number })[]
  readonly recovered: AcceptorRecord
  ties: number
  arrivals: number
  versions: number
  toldOfStart: boolean
  wakeAt: number | null
}

/** So many ballots are reserved with one write. */
export const ceilingBlock = 2 ** 20
/** Above it a counter is no honest one: a session raises it by one, a restart by a block. */
export const highestBallot = 2 ** 52
const vacantMax = 4096
const lineMax = 10_000
/** Heartbeats of silence that are evidence of death in token mode (DESIGN §4.2). */
const suspectHeartbeats = 2.5

/** Of a life that knows only what is on disk. */
export function blankAcceptor(options: AcceptorOptions): Acceptor {
  const { self, incarnation, bounds, heartbeatMs, startedAt, recovered } = options
  const longestLeaseMs = recovered?.longestLeaseMs ?? 0
  return {
    self,
    life: incarnation,
    bounds,
    suspectAfterMs: suspectHeartbeats * heartbeatMs,
    startedAt,
    unsureUntil: longestLeaseMs === 0 ? -Infinity : startedAt + grantorSilenceMs(longestLeaseMs, bounds),
    // G1: what an earlier life promised is forgotten, so everything up to its ceiling counts as promised to nobody.
    floor: recovered?.ceiling ?? 0,
    // What an earlier life had accepted needs no such care: while it might count, this one is unsure.
    tokenFloor: 0,
    entries: new Map(),
    vacant: new Set(),
    sessions: new Map(),
    records: [],
    recovered: recovered ?? { ceiling: 0, longestLeaseMs: 0 },
    ties: 0,
    arrivals: 0,
    versions: 0,
    toldOfStart: longestLeaseMs === 0,
    wakeAt: null,
  }
}

export function isUnsure(acceptor: Acceptor, now: number): boolean {
  return now < acceptor.unsureUntil
}

/**
 * Makes sure that a write covers this ballot and this lease, and gives the number of the first that does. Blocks are
 * reserved when half of the last one is used, so nobody but the first to ask waits for the disk.
 */
export function covered(
  acceptor: Acceptor,
  { ballot, leaseMs }: { readonly ballot: Ballot; readonly leaseMs: number },
  effects: AcceptorEffect[],
): number {
  const newest = acceptor.records.at(-1)
  const longest = newest?.longestLeaseMs ?? acceptor.recovered.longestLeaseMs
  if (newest === undefined || ballot > newest.ceiling - ceilingBlock / 2 || leaseMs > longest) {
    const sequence = acceptor.records.length + 1
    const record: AcceptorRecord = {
      ceiling: Math.max(newest?.ceiling ?? acceptor.recovered.ceiling, ballot) + ceilingBlock,
      longestLeaseMs: Math.max(longest, leaseMs),
    }
    acceptor.records.push({ ...record, sequence })
    effects.push({ type: 'persist', sequence, record })
  }
  const first = acceptor.records.find((each) => each.ceiling >= ballot && each.longestLeaseMs >= leaseMs)
  return (first ?? acceptor.records.at(-1))?.sequence ?? 0
}

export function entryOf(acceptor: Acceptor, instance: Instance): Entry {
  let entry = acceptor.entries.get(instance)
  if (entry === undefined) {
    entry = {
      promised: acceptor.floor,
      promisedTo: null,
      accepted: null,
      token: acceptor.tokenFloor,
      line: new Map(),
      watchers: new Set(),
      keptFor: null,
      lastEnding: null,
    }
    acceptor.entries.set(instance, entry)
  }
  return entry
}

/** Called when something about an entry may have ended. What holds nothing is forgotten at last: the floor covers it. */
export function tidy(acceptor: Acceptor, instance: Instance): void {
  const entry = acceptor.entries.get(instance)
  if (entry === undefined) return
  const holdsNothing = entry.accepted === null && entry.line.size === 0 && entry.watchers.size === 0
  if (!holdsNothing) {
    acceptor.vacant.delete(instance)
    return
  }
  acceptor.vacant.add(instance)
  for (const oldest of acceptor.vacant) {
    if (acceptor.vacant.size <= vacantMax) return
    const { promised = 0, token = 0 } = acceptor.entries.get(oldest) ?? {}
    acceptor.floor = Math.max(acceptor.floor, promised)
    acceptor.tokenFloor = Math.max(acceptor.tokenFloor, token)
    acceptor.entries.delete(oldest)
    acceptor.vacant.delete(oldest)
  }
}

export function sessionOf(acceptor: Acceptor, address: Address, leaseMs: number, now: number): SessionTie {
  let session = acceptor.sessions.get(address.session)
  if (session === undefined) {
    session = {
      address,
      leaseMs,
      heardAt: now,
      tie: ++acceptor.ties,
      told: 0,
      suspected: false,
      contested: false,
      holds: new Set(),
      waits: new Set(),
      watches: new Set(),
    }
    acceptor.sessions.set(address.session, session)
  }
  // A client may have changed its sponsor; a delayed message through the one before costs a repetition.
  session.address = address
  session.leaseMs = Math.max(session.leaseMs, leaseMs)
  return session
}

/** The session stays, and what else it has; that something was dropped shows in the next digest. */
export function breakTie(acceptor: Acceptor, session: SessionTie): void {
  session.tie = ++acceptor.ties
  session.told = 0
}

/** When silence lets go of what the session has here: what was heard before the start of this life is forgotten. */
export function silentFrom(acceptor: Acceptor, session: SessionTie): number {
  return Math.max(session.heardAt, acceptor.startedAt)
}

export function expiresAt(acceptor: Acceptor, session: SessionTie): number {
  return silentFrom(acceptor, session) + grantorSilenceMs(session.leaseMs, acceptor.bounds)
}

export function suspectedAt(acceptor: Acceptor, session: SessionTie): number {
  return silentFrom(acceptor, session) + acceptor.suspectAfterMs
}

export function wakeBy(acceptor: Acceptor, at: number, effects: AcceptorEffect[]): void {
  if (acceptor.wakeAt !== null && acceptor.wakeAt <= at) return
  acceptor.wakeAt = at
  effects.push({ type: 'wake-at', at })
}

/** By priority, then by arrival. */
export function lineOf(entry: Entry): Waiter[] {
  return [...entry.line.values()].toSorted(
    (one, other) => other.priority - one.priority || one.arrival - other.arrival,
  )
}

/** How many stand before it, were the instance empty now. */
export function placeInLine(entry: Entry, session: SessionKey): number {
  const own = entry.line.get(session)
  if (own === undefined) return entry.line.size
  let before = 0
  for (const { priority, arrival } of entry.line.values())
    if (priority > own.priority || (priority === own.priority && arrival < own.arrival)) before += 1
  return before
}

export function hasRoom(entry: Entry): boolean {
  return entry.line.size < lineMax
}
