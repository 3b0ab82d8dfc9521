/** Whom this peer believes, of those who say that they lead. */
import type { PeerId } from '../../quorum/types.ts'
import { compareRanks } from '../rank.ts'
import { isContested, linkedUntil } from './contacts.ts'
import { introduceAll, vacated } from './contest.ts'
import {
  answerMs,
  compareReigns,
  seatOf,
  send,
  takeEpoch,
  tell,
  waitingHere,
  type Claim,
  type Classic,
  type Contact,
  type Outbox,
  type Seat,
} from './state.ts'
import type { ClassicBody, Reign } from './types.ts'

/** COORDINATOR, or its end. One that was overtaken by a later one says nothing. */
export function onReign(
  classic: Classic,
  out: Outbox,
  contact: Contact,
  { revision, isChange, election, reign, heir }: Extract<ClassicBody, { type: 'reign' }>,
): void {
  const seat = seatOf(classic, election)
  if (note(classic, seat, contact, { reign, revision }) && heir !== null)
    seat.heir = { id: heir, until: out.now + answerMs(classic) }
  if (!isChange) return
  if (revision === contact.known + 1) contact.known = revision
  send(classic, out, contact.peer, { type: 'heard', of: revision, known: contact.known })
}

/** All that a peer leads: what is not among it, it leads no more. */
export function onReigns(
  classic: Classic,
  out: Outbox,
  contact: Contact,
  { revision, total, list }: Extract<ClassicBody, { type: 'reigns' }>,
): void {
  if (contact.parts === null || contact.parts.revision < revision)
    contact.parts = { revision, elections: new Set() }
  const { parts } = contact
  if (parts.revision > revision) return
  for (const { election, reign } of list) {
    parts.elections.add(election)
    note(classic, seatOf(classic, election), contact, { reign, revision })
  }
  if (parts.elections.size < total) return
  contact.parts = null
  for (const seat of classic.seats.values()) {
    const claim = seat.claims.get(contact.peer)
    if (claim !== undefined && !parts.elections.has(seat.election))
      note(classic, seat, contact, { reign: null, revision })
  }
  contact.known = Math.max(contact.known, revision)
  send(classic, out, contact.peer, { type: 'heard', of: revision, known: contact.known })
}

/** True: it is news. */
function note(classic: Classic, seat: Seat, contact: Contact, claim: Claim): boolean {
  const { peer } = contact
  const last = seat.claims.get(peer)
  if (last !== undefined && claim.revision < last.revision) return false
  seat.claims.set(peer, claim)
  classic.dirty.add(seat)
  const { reign } = claim
  if (reign === null) return true
  seat.highest = Math.max(seat.highest, reign.epoch)
  seat.standing.get(peer)?.delete(reign.stand.session)
  contact.leaseMs = Math.max(contact.leaseMs, reign.stand.leaseMs)
  return true
}

interface Rival {
  readonly peer: PeerId
  readonly reign: Reign
}

/** Of the peers that are linked, those who say that they lead. The best first. */
function rivals(classic: Classic, seat: Seat, now: number): Rival[] {
  const all: Rival[] = []
  for (const [peer, { reign }] of seat.claims) {
    if (reign === null) continue
    const isFollowed = peer === seat.followed?.peer
    if (isBelieved(classic, peer, { isFollowed, now })) all.push({ peer, reign })
  }
  return all.toSorted((left, right) => compareReigns(right.reign, left.reign))
}

/**
 * Who is followed is let go by the timer alone, which first reads what came during a stall. Nobody new is believed by a link that
 * has run out meanwhile.
 */
function isBelieved(
  classic: Classic,
  peer: PeerId,
  { isFollowed, now }: { readonly isFollowed: boolean; readonly now: number },
): boolean {
  const contact = classic.contacts.get(peer)
  if (contact === undefined || !contact.isLinked) return false
  return isFollowed || now < linkedUntil(classic, contact)
}

/** Called for every election about which something changed. */
export function look(classic: Classic, out: Outbox, seat: Seat): void {
  const others = rivals(classic, seat, out.now)
  if (seat.own !== null) {
    meet(classic, out, seat, others)
    if (seat.own !== null) follow(classic, out, seat, { peer: classic.self, reign: seat.own.reign })
    return
  }
  // Whoever is followed says itself when it stops: until then nobody here hears that another one leads.
  const { followed } = seat
  const present = others.find(
    ({ peer, reign }) => peer === followed?.peer && reign.stand.session === followed.reign.stand.session,
  )
  follow(classic, out, seat, present ?? others[0] ?? null)
}

/** Two who lead see each other: the lower one stops. When it has, the other one takes an epoch above both. */
function meet(classic: Classic, out: Outbox, seat: Seat, others: readonly Rival[]): void {
  const { own } = seat
  if (own === null || own.isStopping) return
  const { stand, epoch } = own.reign
  const better = others[0]
  if (better !== undefined && compareReigns(better.reign, own.reign) > 0) {
    own.isStopping = true
    seat.rising = null
    tell(classic, out, stand.session, { type: 'superseded', election: seat.election, epoch })
  } else if (seat.highest > epoch && seat.rising === null && !isContested(classic, seat, out.now))
    seat.rising = takeEpoch(classic, out, seat)
}

function follow(classic: Classic, out: Outbox, seat: Seat, next: Rival | null): void {
  const last = seat.followed
  if (next !== null) seat.highest = Math.max(seat.highest, next.reign.epoch)
  if (last?.peer === next?.peer && last?.reign === next?.reign) {
    if (next === null && seat.contest === null) vacated(classic, out, seat)
    return
  }
  seat.followed = next
  out.effects.push({ type: 'observed', election: seat.election, reign: next?.reign ?? null })
  if (next === null) return vacated(classic, out, seat)
  seat.contest = null
  seat.yields = 0
  seat.heir = null
  if (next.peer !== classic.self && last?.peer !== next.peer) introduceAll(classic, out, seat, next.peer)
  tellAhead(classic, out, seat)
}

/** How many come first, whoever leads among them; said once the leader has heard of it. */
export function tellAhead(classic: Classic, out: Outbox, seat: Seat): void {
  const led = seat.followed === null ? 0 : 1
  const elsewhere = [...seat.standing.values()].flatMap((stands) => [...stands.values()])
  const here = waitingHere(seat)
  for (const local of here) {
    const all = [...here.map(({ stand }) => stand), ...elsewhere]
    const ahead = led + all.filter((other) => compareRanks(other, local.stand) > 0).length
    const isKnown = local.isKnown || seat.followed === null || seat.own !== null
    if (ahead === local.ahead || !isKnown) continue
    local.ahead = ahead
    tell(classic, out, local.stand.session, { type: 'waiting', election: seat.election, ahead })
  }
}
