/** One input, and what follows from it. */
import { MandateError } from '../../../errors.ts'
import { linkedUntil, lookAtLink, noteContact, noteDeath } from './contacts.ts'
import { due, onAnswer, onElection, onLeft, onPersisted } from './contest.ts'
import { look, onReign, onReigns, tellAhead } from './following.ts'
import { beatOn, isOwed, onHeard, settle } from './reigning.ts'
import {
  campaign,
  closeSession,
  ended,
  keepalive,
  leave,
  lookAtSessions,
  onClaim,
  onClaimed,
  openSession,
  proclaim,
} from './sessions.ts'
import { send, type Classic, type Contact, type Outbox } from './state.ts'
import type { ClassicEffect, ClassicInput, ClassicMessage } from './types.ts'

/** A step of one election may lead to the next, and that is all: more is a circle. */
const looksMax = 16

/** @throws PROTOCOL_ERROR for a message that no peer of this version sends */
export function step(classic: Classic, input: ClassicInput, now: number): ClassicEffect[] {
  const out: Outbox = { now, effects: [], records: [] }
  take(classic, out, input)
  for (let looks = 0; classic.dirty.size > 0; looks++) {
    if (looks === looksMax) {
      const reason = 'an election of the classic bully does not settle'
      throw new MandateError('INTERNAL', `${reason}: report it`, { reason })
    }
    const seats = [...classic.dirty]
    classic.dirty.clear()
    for (const seat of seats) {
      look(classic, out, seat)
      tellAhead(classic, out, seat)
    }
  }
  settle(classic, out)
  const at = wakeAt(classic, now)
  if (at !== classic.wakeAt) out.effects.push({ type: 'wake-at', at })
  classic.wakeAt = at
  if (out.records.length === 0) return out.effects
  return [{ type: 'persist', sequence: classic.sequence, records: out.records }, ...out.effects]
}

function take(classic: Classic, out: Outbox, input: ClassicInput): void {
  switch (input.type) {
    case 'message':
      return onMessage(classic, out, input.from, input.message)
    case 'persisted':
      for (const seat of classic.seats.values()) onPersisted(classic, out, seat, input.sequence)
      return
    case 'wake':
      classic.wakeAt = null
      for (const contact of classic.contacts.values()) lookAtLink(classic, contact, out.now)
      lookAtSessions(classic, out)
      for (const seat of classic.seats.values()) due(classic, out, seat)
      beatOn(classic, out)
      return
    case 'evidence': {
      const contact = classic.contacts.get(input.peer)
      if (contact === undefined) return
      noteDeath(classic, contact, out.now)
      lookAtLink(classic, contact, out.now)
      return
    }
    case 'open':
      return openSession(classic, out, input)
    case 'keepalive':
      return keepalive(classic, out, input.session)
    case 'close':
      return closeSession(classic, out, input.session)
    case 'ended':
      return ended(classic, out, input.session)
    case 'campaign':
      return campaign(classic, out, input)
    case 'leave':
      return leave(classic, out, input)
    case 'proclaim':
      return proclaim(classic, out, input)
    default:
      input satisfies never
  }
}

function onMessage(classic: Classic, out: Outbox, from: string, message: ClassicMessage): void {
  checkMessage(from, message)
  const contact = classic.contacts.get(from)
  if (contact === undefined || !noteContact(classic, contact, message.stamp, out.now)) return
  hear(classic, out, contact, message)
  askForChanges(classic, out, contact, message)
  lookAtLink(classic, contact, out.now)
}

/** Something that it told was lost; a beat and what it says of reigns are answered anyway. */
function askForChanges(
  classic: Classic,
  out: Outbox,
  contact: Contact,
  { stamp, body }: ClassicMessage,
): void {
  const { type } = body
  if (stamp.revision <= contact.known || type === 'beat' || type === 'reign' || type === 'reigns') return
  send(classic, out, contact.peer, { type: 'heard', of: stamp.revision, known: contact.known })
}

function hear(classic: Classic, out: Outbox, contact: Contact, { body }: ClassicMessage): void {
  switch (body.type) {
    case 'claim':
      return onClaim(classic, out, contact, body)
    case 'claimed':
      return onClaimed(classic, out, contact, body)
    case 'election':
      return onElection(classic, out, contact, body)
    case 'answer':
      return onAnswer(classic, out, contact, body)
    case 'reign':
      return onReign(classic, out, contact, body)
    case 'reigns':
      return onReigns(classic, out, contact, body)
    case 'beat':
      return send(classic, out, contact.peer, { type: 'heard', of: body.revision, known: contact.known })
    case 'heard':
      return onHeard(classic, out, contact, body)
    case 'left':
      return onLeft(classic, contact, body)
    default:
      body satisfies never
  }
}

/** The earliest instant at which silence or patience ends. */
function wakeAt(classic: Classic, now: number): number | null {
  let at = Infinity
  for (const contact of classic.contacts.values())
    if (contact.isLinked) at = Math.min(at, linkedUntil(classic, contact))
  for (const { opening, heardAt, leaseMs } of classic.sessions.values())
    at = Math.min(at, opening === null ? heardAt + leaseMs : Math.min(opening.dueAt, opening.againAt))
  for (const { contest } of classic.seats.values()) {
    at = Math.min(at, contest?.dueAt ?? Infinity)
    if (contest?.phase === 'asking') at = Math.min(at, contest.againAt)
  }
  for (const { dueAt } of classic.pending) at = Math.min(at, dueAt)
  if (isOwed(classic, now)) at = Math.min(at, classic.beatAt + classic.options.heartbeatMs)
  return at === Infinity ? null : at
}

/** Beyond 2^53 two epochs could compare equal. */
function checkMessage(from: string, { stamp, body }: ClassicMessage): void {
  const numbers = [stamp.incarnation, stamp.revision]
  if (body.type === 'reign') numbers.push(body.revision, body.reign?.epoch ?? 0)
  if (body.type === 'reigns') numbers.push(body.revision, ...body.list.map(({ reign }) => reign.epoch))
  if (body.type === 'answer') numbers.push(body.highest)
  for (const value of numbers) {
    if (Number.isSafeInteger(value) && value >= 0) continue
    const reason = `${body.type} of '${from}': ${value} is not a safe integer of 0 or more`
    throw new MandateError(
      'PROTOCOL_ERROR',
      `${reason}; close the connection, and run one version on all peers`,
      { reason },
    )
  }
}
