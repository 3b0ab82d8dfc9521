/** What one peer of the classic bully knows. Plain data: `step` changes it in place. */
import type { PeerId } from '../../quorum/types.ts'
import type { SessionKey } from '../../support/types.ts'
import { compareRanks } from '../rank.ts'
import type {
  ClassicBody,
  ClassicEffect,
  ClassicNews,
  ClassicOptions,
  ClassicRecord,
  Reign,
  Stand,
} from './types.ts'

/** Another peer, as seen from here. */
export interface Contact {
  readonly peer: PeerId
  incarnation: number
  /** When it was heard last, and the newest instant of its own clock that came with it. */
  heardAt: number
  theirs: number | null
  /** The newest instant of this peer's clock that it has echoed: by then both ways were open. */
  echoedAt: number
  /** Evidence of death came then: what it echoes from before proves nothing. */
  deadAt: number
  isLinked: boolean
  /** The longest lease that it leads by. */
  leaseMs: number
  /** Of its changes, up to which they are known here without a gap. */
  known: number
  /** All that it leads is on its way, in parts. */
  parts: { readonly revision: number; readonly elections: Set<string> } | null
  /** Of this peer's changes, up to which it has heard them. */
  confirmed: number
}

export interface LocalSession {
  readonly session: SessionKey
  readonly id: string
  readonly leaseMs: number
  /** Who has not said yet whether the id is free; null: it is open. */
  opening: { readonly unheard: Set<PeerId>; readonly dueAt: number; againAt: number } | null
  heardAt: number
}

export interface LocalStand {
  readonly stand: Stand
  readonly tag: number
  /** The leader has heard of it, and may hand over to it. */
  isKnown: boolean
  /** What it was told last. */
  ahead: number | null
}

export interface OwnReign {
  reign: Reign
  /** It was told to stop, and has not said yet that it did. */
  isStopping: boolean
}

export type Contest =
  /** Its turn comes later. */
  | { readonly phase: 'delayed'; readonly dueAt: number }
  | {
      readonly phase: 'asking'
      readonly dueAt: number
      /** When those who have not answered are asked again. */
      againAt: number
      readonly round: number
      readonly unheard: Set<PeerId>
    }
  /** A better one has it in hand. */
  | { readonly phase: 'deferring'; readonly dueAt: number }
  /** An epoch is being written down. */
  | {
      readonly phase: 'crowning'
      readonly dueAt: number
      readonly session: SessionKey
      readonly epoch: number
      readonly sequence: number
    }

export interface Claim {
  readonly reign: Reign | null
  /** Of which change of its peer. */
  readonly revision: number
}

export interface Seat {
  readonly election: string
  readonly local: Map<SessionKey, LocalStand>
  own: OwnReign | null
  /** An epoch that the present leader of this process rises to, once it is durable. */
  rising: { readonly epoch: number; readonly sequence: number } | null
  /** What other peers say that they lead. */
  readonly claims: Map<PeerId, Claim>
  /** Who waits at other peers. */
  readonly standing: Map<PeerId, Map<SessionKey, Stand>>
  /** Whom this peer believes: itself, another, or nobody. */
  followed: { readonly peer: PeerId; readonly reign: Reign } | null
  contest: Contest | null
  round: number
  /** Since it was led last, so often a better one got the first turn. */
  yields: number
  heir: { readonly id: string; readonly until: number } | null
  /** The highest epoch that somebody said to lead in. */
  highest: number
  /** The highest that is known to be taken, whether or not anybody led in it. */
  taken: number
}

/** Something was changed, and its session waits until whoever is linked has heard of it. */
export interface Pending {
  readonly session: SessionKey
  readonly news: ClassicNews
  readonly revision: number
  readonly unheard: Set<PeerId>
  readonly dueAt: number
}

export interface Classic {
  readonly options: ClassicOptions
  readonly self: PeerId
  readonly slot: number
  readonly others: readonly PeerId[]
  readonly contacts: Map<PeerId, Contact>
  readonly sessions: Map<SessionKey, LocalSession>
  readonly seats: Map<string, Seat>
  /** Those whose followers, claims or candidates have changed in this step. */
  readonly dirty: Set<Seat>
  pending: Pending[]
  /** Of what this peer leads. */
  revision: number
  /** When it changed last. */
  changedAt: number
  beatAt: number
  sequence: number
  wakeAt: number | null
}

export interface Outbox {
  readonly now: number
  readonly effects: ClassicEffect[]
  readonly records: ClassicRecord[]
}

/** Before a peer that does not answer is no longer waited for: two ways, and time to think. */
export function answerMs({ options }: Classic): number {
  return 2 * options.heartbeatMs
}

/** Who just started waits longer: its ways to the others may not be open yet. */
export function startMs({ options }: Classic): number {
  return 6 * options.heartbeatMs
}

/** Between two questions to one that has not answered. */
export function againMs({ options }: Classic): number {
  return options.heartbeatMs / 2
}

/** How long a better candidate gets to say that it leads. */
export function deferMs(classic: Classic): number {
  return 2 * answerMs(classic)
}

export function createClassic(options: ClassicOptions, records: readonly ClassicRecord[]): Classic {
  const { self, peers } = options
  const slots = peers.toSorted()
  const classic: Classic = {
    options,
    self,
    slot: slots.indexOf(self),
    others: slots.filter((peer) => peer !== self),
    contacts: new Map(),
    sessions: new Map(),
    seats: new Map(),
    dirty: new Set(),
    pending: [],
    revision: 0,
    changedAt: -Infinity,
    beatAt: -Infinity,
    sequence: 0,
    wakeAt: null,
  }
  for (const peer of classic.others) classic.contacts.set(peer, unheard(peer))
  for (const { election, epoch } of records) {
    const seat = seatOf(classic, election)
    seat.taken = Math.max(seat.taken, epoch)
  }
  return classic
}

function unheard(peer: PeerId): Contact {
  return {
    peer,
    incarnation: 0,
    heardAt: -Infinity,
    theirs: null,
    echoedAt: -Infinity,
    deadAt: -Infinity,
    isLinked: false,
    leaseMs: 0,
    known: 0,
    parts: null,
    confirmed: 0,
  }
}

export function seatOf(classic: Classic, election: string): Seat {
  let seat = classic.seats.get(election)
  if (seat === undefined) {
    seat = {
      election,
      local: new Map(),
      own: null,
      rising: null,
      claims: new Map(),
      standing: new Map(),
      followed: null,
      contest: null,
      round: 0,
      yields: 0,
      heir: null,
      highest: 0,
      taken: 0,
    }
    classic.seats.set(election, seat)
  }
  return seat
}

export function send(classic: Classic, out: Outbox, to: PeerId, body: ClassicBody): void {
  const contact = classic.contacts.get(to)
  if (contact === undefined) return
  const { incarnation, theirs } = contact
  const echo = theirs === null ? null : { incarnation, at: theirs }
  const stamp = { incarnation: classic.options.incarnation, at: out.now, revision: classic.revision, echo }
  out.effects.push({ type: 'send', to, message: { stamp, body } })
}

export function sendToAll(classic: Classic, out: Outbox, body: ClassicBody): void {
  for (const peer of classic.others) send(classic, out, peer, body)
}

export function tell(classic: Classic, out: Outbox, session: SessionKey, news: ClassicNews): void {
  if (classic.sessions.has(session)) out.effects.push({ type: 'tell', session, news })
}

/** Returns the number that what depends on it waits for. */
export function takeEpoch(classic: Classic, out: Outbox, seat: Seat): { epoch: number; sequence: number } {
  const epoch = Math.max(seat.highest, seat.taken) + 1
  seat.taken = epoch
  if (out.records.length === 0) classic.sequence += 1
  out.records.push({ election: seat.election, epoch })
  return { epoch, sequence: classic.sequence }
}

/** Above 0: `left` ranks higher. Two peers may have a candidate of one id, each in its own partition: then the slot decides. */
export function compareReigns(left: Reign, right: Reign): number {
  return compareRanks(left.stand, right.stand) || left.slot - right.slot
}

/** Those who wait here, the best first. */
export function waitingHere(seat: Seat): LocalStand[] {
  const leads = seat.own?.reign.stand.session
  return [...seat.local.values()]
    .filter(({ stand }) => stand.session !== leads)
    .toSorted((left, right) => compareRanks(right.stand, left.stand))
}
