/** The sessions of this process, and what they ask. */
import type { SessionKey } from '../../support/types.ts'
import { ask, introduce } from './contest.ts'
import { isDead } from './contacts.ts'
import { announce, beat, tellWhenHeard } from './reigning.ts'
import {
  againMs,
  answerMs,
  seatOf,
  send,
  sendToAll,
  startMs,
  tell,
  waitingHere,
  type Classic,
  type Contact,
  type LocalSession,
  type Outbox,
  type Seat,
} from './state.ts'
import type { ClassicBody, ClassicInput } from './types.ts'

/** Is the id free? Whoever is not linked does not say so: one of the same id may live there. */
export function openSession(
  classic: Classic,
  out: Outbox,
  { session, id, leaseMs }: Extract<ClassicInput, { type: 'open' }>,
): void {
  const unheard = new Set(
    [...classic.contacts.values()].filter((one) => !isDead(one)).map(({ peer }) => peer),
  )
  const dueAt = out.now + startMs(classic)
  const opening = { unheard, dueAt, againAt: out.now + againMs(classic) }
  const twin = [...classic.sessions.values()].some((other) => other.id === id && other.session !== session)
  classic.sessions.set(session, { session, id, leaseMs, opening, heardAt: out.now })
  if (twin) return isDuplicate(classic, out, session)
  sendToAll(classic, out, { type: 'claim', session, id })
  opened(classic, out, session)
}

function opened(classic: Classic, out: Outbox, session: SessionKey): void {
  const local = classic.sessions.get(session)
  if (local === undefined || local.opening === null) return
  if (local.opening.unheard.size > 0 && out.now < local.opening.dueAt) return
  local.opening = null
  local.heardAt = out.now
  tell(classic, out, session, { type: 'opened' })
}

function claimAgain(classic: Classic, out: Outbox, { session, id, opening }: LocalSession): void {
  if (opening === null) return
  opened(classic, out, session)
  if (out.now < opening.againAt) return
  opening.againAt = out.now + againMs(classic)
  for (const peer of opening.unheard) send(classic, out, peer, { type: 'claim', session, id })
}

function isDuplicate(classic: Classic, out: Outbox, session: SessionKey): void {
  tell(classic, out, session, { type: 'duplicate' })
  classic.sessions.delete(session)
}

export function onClaim(
  classic: Classic,
  out: Outbox,
  { peer }: Contact,
  { session, id }: Extract<ClassicBody, { type: 'claim' }>,
): void {
  // Of two that open at once one goes on, the same one wherever that is judged.
  const isTaken = [...classic.sessions.values()].some(
    (mine) => mine.id === id && (mine.opening === null || mine.session < session),
  )
  send(classic, out, peer, { type: 'claimed', session, isFree: !isTaken })
}

export function onClaimed(
  classic: Classic,
  out: Outbox,
  { peer }: Contact,
  { session, isFree }: Extract<ClassicBody, { type: 'claimed' }>,
): void {
  const local = classic.sessions.get(session)
  if (local === undefined || local.opening === null) return
  if (!isFree) return isDuplicate(classic, out, session)
  local.opening.unheard.delete(peer)
  opened(classic, out, session)
}

export function keepalive(classic: Classic, out: Outbox, session: SessionKey): void {
  const local = classic.sessions.get(session)
  if (local === undefined || isSilent(local, out.now)) return
  local.heardAt = out.now
  if (leadsAnything(classic, session)) beat(classic, out)
}

/** Its own clock is at least as strict: nothing that it led is valid by now. */
function isSilent({ heardAt, leaseMs }: LocalSession, now: number): boolean {
  return now >= heardAt + leaseMs
}

function leadsAnything(classic: Classic, session: SessionKey): boolean {
  for (const { own } of classic.seats.values()) if (own?.reign.stand.session === session) return true
  return false
}

/** What is due of sessions: openings that nobody answers, and silence. */
export function lookAtSessions(classic: Classic, out: Outbox): void {
  for (const local of [...classic.sessions.values()]) {
    if (local.opening !== null) claimAgain(classic, out, local)
    else if (isSilent(local, out.now)) {
      tell(classic, out, local.session, { type: 'over' })
      closeSession(classic, out, local.session)
    }
  }
}

export function closeSession(classic: Classic, out: Outbox, session: SessionKey): void {
  for (const seat of classic.seats.values()) giveUp(classic, out, seat, session, null)
  classic.sessions.delete(session)
}

export function campaign(
  classic: Classic,
  out: Outbox,
  { election, session, priority, metadata, tag }: Extract<ClassicInput, { type: 'campaign' }>,
): void {
  const of = classic.sessions.get(session)
  if (of === undefined || of.opening !== null) return
  const seat = seatOf(classic, election)
  const { id, leaseMs } = of
  const stand = { session, id, leaseMs, priority, metadata }
  const local = { stand, tag, isKnown: false, ahead: null }
  seat.local.set(session, local)
  classic.dirty.add(seat)
  const [best = local] = waitingHere(seat)
  if (seat.followed === null && (seat.contest === null || seat.contest.phase === 'delayed'))
    ask(classic, out, seat, best)
  else introduce(classic, out, seat, local)
}

/** True: it led. */
function giveUp(
  classic: Classic,
  out: Outbox,
  seat: Seat,
  session: SessionKey,
  heir: string | null,
): boolean {
  const led = seat.own?.reign.stand.session === session
  if (!seat.local.delete(session) && !led) return false
  classic.dirty.add(seat)
  if (led) {
    seat.own = null
    seat.rising = null
    seat.heir = heir === null ? null : { id: heir, until: out.now + answerMs(classic) }
    announce(classic, out, seat, heir)
    return true
  }
  if (seat.contest?.phase === 'crowning' && seat.contest.session === session) seat.contest = null
  sendToAll(classic, out, { type: 'left', election: seat.election, session })
  return false
}

export function leave(
  classic: Classic,
  out: Outbox,
  { election, session, heir, tag }: Extract<ClassicInput, { type: 'leave' }>,
): void {
  const seat = classic.seats.get(election)
  const news = { type: 'known', election, tag } as const
  if (seat !== undefined && giveUp(classic, out, seat, session, heir))
    tellWhenHeard(classic, out, { session, news })
  else tell(classic, out, session, news)
}

export function proclaim(
  classic: Classic,
  out: Outbox,
  { election, session, metadata, tag }: Extract<ClassicInput, { type: 'proclaim' }>,
): void {
  const seat = classic.seats.get(election)
  const own = seat?.own
  if (seat === undefined || own == null || own.isStopping || own.reign.stand.session !== session) {
    tell(classic, out, session, { type: 'not-holder', election, tag })
    return
  }
  const { reign } = own
  own.reign = { ...reign, version: reign.version + 1, stand: { ...reign.stand, metadata } }
  classic.dirty.add(seat)
  announce(classic, out, seat)
  tellWhenHeard(classic, out, { session, news: { type: 'known', election, tag } })
}

/** Somebody knows that its holder is dead, and says so to all: it leads no more, and stands no more. */
export function ended(classic: Classic, out: Outbox, session: SessionKey): void {
  closeSession(classic, out, session)
  for (const seat of classic.seats.values()) {
    for (const stands of seat.standing.values()) stands.delete(session)
    for (const [peer, { reign, revision }] of seat.claims) {
      if (reign?.stand.session !== session) continue
      seat.claims.set(peer, { reign: null, revision })
      classic.dirty.add(seat)
    }
  }
}

/** Whether this peer has heard of it and not of its end. */
export function knows({ sessions, seats }: Classic, session: SessionKey): boolean {
  if (sessions.has(session)) return true
  for (const { claims, standing } of seats.values()) {
    for (const { reign } of claims.values()) if (reign?.stand.session === session) return true
    for (const stands of standing.values()) if (stands.has(session)) return true
  }
  return false
}
