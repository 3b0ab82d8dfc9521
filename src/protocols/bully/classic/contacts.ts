/**
 * Who is linked: heard within a lease, and known to hear this peer. A way that is open in one direction alone is none, and a
 * message that was long under way proves nothing, because its echo is as old as itself.
 */
import { grantorSilenceMs } from '../../../lease/deadline.ts'
import type { Classic, Contact, Seat } from './state.ts'
import type { Stamp } from './types.ts'

/** An echo is as much older than its message as the last beat before it: a heartbeat and the way there and back. */
const echoHeartbeats = 2

/** False: it is of an earlier process of that peer, and says nothing. */
export function noteContact(classic: Classic, contact: Contact, stamp: Stamp, now: number): boolean {
  if (stamp.incarnation < contact.incarnation) return false
  if (stamp.incarnation > contact.incarnation) anotherProcess(classic, contact, stamp.incarnation)
  contact.heardAt = now
  contact.theirs = Math.max(contact.theirs ?? -Infinity, stamp.at)
  const { echo } = stamp
  const isOurs = echo !== null && echo.incarnation === classic.options.incarnation && echo.at <= now
  if (isOurs && echo.at > contact.deadAt) contact.echoedAt = Math.max(contact.echoedAt, echo.at)
  return true
}

/** Whatever another process led at that address, this one does not. */
function anotherProcess(classic: Classic, contact: Contact, incarnation: number): void {
  contact.incarnation = incarnation
  contact.theirs = null
  contact.echoedAt = -Infinity
  contact.leaseMs = 0
  contact.known = 0
  contact.parts = null
  contact.confirmed = 0
  for (const seat of classic.seats.values()) {
    seat.standing.delete(contact.peer)
    if (seat.claims.delete(contact.peer)) classic.dirty.add(seat)
  }
}

/** The process of this peer is gone; if it is not, it shows that by an echo of what is sent from now on. */
export function noteDeath(classic: Classic, contact: Contact, now: number): void {
  contact.deadAt = now
  contact.heardAt = -Infinity
  contact.echoedAt = -Infinity
  for (const seat of classic.seats.values()) seat.standing.delete(contact.peer)
}

/** Nobody waits for its answers. */
export function isDead({ deadAt, heardAt }: Contact): boolean {
  return deadAt > heardAt
}

/** When it is let go, if nothing more is heard. */
export function linkedUntil({ options }: Classic, { leaseMs, heardAt, echoedAt }: Contact): number {
  const silence = grantorSilenceMs(Math.max(options.leaseMs, leaseMs), options.bounds)
  return Math.min(heardAt + silence, echoedAt + silence + echoHeartbeats * options.heartbeatMs)
}

/** Marks the elections about which the word of this peer counts from now on, or no more. */
export function lookAtLink(classic: Classic, contact: Contact, now: number): void {
  const isLinked = now < linkedUntil(classic, contact)
  if (isLinked === contact.isLinked) return
  contact.isLinked = isLinked
  for (const seat of classic.seats.values()) if (seat.claims.has(contact.peer)) classic.dirty.add(seat)
}

/** Somebody was heard saying that it leads, even if it may not hear this peer: it has not stopped. */
export function isContested({ contacts }: Classic, { claims }: Seat, now: number): boolean {
  for (const [peer, { reign }] of claims) {
    const heardAt = contacts.get(peer)?.heardAt ?? -Infinity
    if (reign !== null && now - heardAt < reign.stand.leaseMs) return true
  }
  return false
}
