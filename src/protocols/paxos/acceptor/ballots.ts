/** What an acceptor is asked by ballot: to promise, to accept, to let go. */
import {
  breakTie,
  covered,
  entryOf,
  expiresAt,
  hasRoom,
  highestBallot,
  isUnsure,
  placeInLine,
  sessionOf,
  silentFrom,
  suspectedAt,
  tidy,
  wakeBy,
  type Acceptor,
  type Entry,
  type SessionTie,
} from './state.ts'
import { changed, freed, reply, tieOf } from './news.ts'
import { heard } from './silence.ts'
import type { AcceptorEffect, Address, PaxosReply, PaxosRequest, SessionKey } from '../types.ts'

type Request<Type extends PaxosRequest['type']> = Extract<PaxosRequest, { type: Type }>

/** Phase 1. The order of the questions matters only to who asks; each refusal changes no promise. */
export function prepare(
  acceptor: Acceptor,
  from: Address,
  request: Request<'prepare'>,
  now: number,
  effects: AcceptorEffect[],
): void {
  const { instance, ballot, leaseMs } = request
  const entry = entryOf(acceptor, instance)
  const owner = entry.accepted
  if (owner !== null && owner.session !== from.session) {
    const session = standInLine(acceptor, entry, from, request, now, effects)
    reply(effects, from, held(acceptor, entry, session, request, owner, now))
    return
  }
  const kept = entry.keptFor === null ? undefined : entry.line.get(entry.keptFor)
  if (kept !== undefined && entry.keptFor !== from.session) {
    const session = standInLine(acceptor, entry, from, request, now, effects)
    const by = { session: kept.address.session, id: kept.id, token: 0, exclusivity: kept.exclusivity }
    reply(effects, from, held(acceptor, entry, session, request, by, now))
    return
  }
  if (owner === null && isUnsure(acceptor, now)) {
    reply(effects, from, { type: 'unsure', instance, ballot, waitMs: acceptor.unsureUntil - now })
    tidy(acceptor, instance)
    return
  }
  if (!mayUse(entry, from.session, ballot)) {
    reply(effects, from, { type: 'rejected', instance, ballot, promised: entry.promised })
    tidy(acceptor, instance)
    return
  }
  entry.promised = ballot
  entry.promisedTo = from.session
  reply(effects, from, { type: 'promise', instance, ballot }, covered(acceptor, { ballot, leaseMs }, effects))
  tidy(acceptor, instance)
}

/** Each ballot of an instance is for one session at most. */
function mayUse(entry: Entry, session: SessionKey, ballot: number): boolean {
  if (ballot > highestBallot) return false
  return ballot > entry.promised || (ballot === entry.promised && entry.promisedTo === session)
}

function standInLine(
  acceptor: Acceptor,
  entry: Entry,
  from: Address,
  { instance, ballot, id, priority, exclusivity, leaseMs }: Request<'prepare'>,
  now: number,
  effects: AcceptorEffect[],
): SessionTie {
  const session = sessionOf(acceptor, from, leaseMs, now)
  wakeBy(acceptor, expiresAt(acceptor, session), effects)
  const known = entry.line.get(from.session)
  if (known === undefined && !hasRoom(entry)) return session
  const arrival = known?.arrival ?? ++acceptor.arrivals
  const newest = Math.max(ballot, known?.ballot ?? 0)
  entry.line.set(from.session, { address: from, id, exclusivity, priority, ballot: newest, arrival })
  session.waits.add(instance)
  const owner = entry.accepted
  const ownerSession = owner?.exclusivity === 'token' ? acceptor.sessions.get(owner.session) : undefined
  if (ownerSession !== undefined) {
    ownerSession.contested = true
    wakeBy(acceptor, suspectedAt(acceptor, ownerSession), effects)
  }
  return session
}

function held(
  acceptor: Acceptor,
  entry: Entry,
  session: SessionTie,
  { instance, ballot }: Request<'prepare'>,
  { session: owner, id, token, exclusivity }: Extract<PaxosReply, { type: 'held' }>['by'],
  now: number,
): PaxosReply {
  const ownerSession = acceptor.sessions.get(owner)
  return {
    type: 'held',
    instance,
    ballot,
    by: { session: owner, id, token, exclusivity },
    silentMs: ownerSession === undefined ? 0 : Math.max(0, now - silentFrom(acceptor, ownerSession)),
    ahead: placeInLine(entry, session.address.session) + 1,
    told: session.told,
    ...tieOf(acceptor, session),
  }
}

/**
 * Phase 2. Whoever asks was promised by a majority that the instance is empty, or its own. In token mode it may have been
 * somebody else's in between: an owner that was taken for dead, and proposes what it holds again after another one has led
 * and given back, would go on with a token that every guarded resource refuses.
 */
export function propose(
  acceptor: Acceptor,
  from: Address,
  request: Request<'propose'>,
  now: number,
  effects: AcceptorEffect[],
): void {
  const { instance, ballot, owner, sequence } = request
  const entry = entryOf(acceptor, instance)
  if (!mayUse(entry, from.session, ballot)) {
    reply(effects, from, { type: 'rejected', instance, ballot, promised: entry.promised })
    tidy(acceptor, instance)
    return
  }
  if (owner.exclusivity === 'token') {
    if (owner.token < entry.token) {
      reply(effects, from, { type: 'superseded', instance, token: entry.token })
      tidy(acceptor, instance)
      return
    }
    entry.token = owner.token
  }
  const session = heard(acceptor, from, owner.leaseMs, now, effects)
  const before = entry.accepted
  if (before !== null && before.session !== from.session) {
    // Accepted by too few: otherwise no majority could have promised this ballot.
    const loser = acceptor.sessions.get(before.session)
    loser?.holds.delete(instance)
    if (loser !== undefined) breakTie(acceptor, loser)
  }
  entry.promised = ballot
  entry.promisedTo = from.session
  const same = before?.session === from.session && before.token === owner.token ? before : null
  const isNews = same === null || same.revision < owner.revision
  // A duplicate of what was accepted before the metadata changed must not change them back.
  if (same !== null && same.revision > owner.revision) entry.accepted = { ...same, ballot }
  else entry.accepted = { ...owner, session: from.session, ballot, since: same?.since ?? now }
  const { revision } = entry.accepted
  if (entry.line.delete(from.session)) session.waits.delete(instance)
  entry.keptFor = null
  session.holds.add(instance)
  if (owner.exclusivity === 'token' && entry.line.size > 0) session.contested = true
  tidy(acceptor, instance)
  reply(
    effects,
    from,
    { type: 'accepted', instance, ballot, revision, sequence, ...tieOf(acceptor, session) },
    covered(acceptor, { ballot, leaseMs: session.leaseMs }, effects),
  )
  if (isNews) changed(acceptor, instance, entry, now, effects)
}

export function release(
  acceptor: Acceptor,
  from: Address,
  { instance, ballot, to, stays, why }: Request<'release'>,
  now: number,
  effects: AcceptorEffect[],
): void {
  const entry = entryOf(acceptor, instance)
  const owned = entry.accepted?.session === from.session && entry.accepted.ballot <= ballot
  // A proposal that is still on its way must not bring back what was released: there is nobody left to release it again.
  let after: number | undefined
  if (mayUse(entry, from.session, ballot)) {
    entry.promised = ballot
    entry.promisedTo = null
    after = covered(acceptor, { ballot, leaseMs: 0 }, effects)
  }
  const session = acceptor.sessions.get(from.session)
  const waiter = entry.line.get(from.session)
  const leaves = !stays && waiter !== undefined && waiter.ballot <= ballot
  if (leaves) {
    entry.line.delete(from.session)
    session?.waits.delete(instance)
  }
  if (owned) {
    entry.accepted = null
    // Without: too few accepted it for anybody to have led.
    if (why !== undefined) entry.lastEnding = why
    session?.holds.delete(instance)
    const heir = to === null ? undefined : [...entry.line.values()].find(({ id }) => id === to)
    entry.keptFor = heir?.address.session ?? null
  }
  const givesWay = leaves && entry.keptFor === from.session
  if (givesWay) entry.keptFor = null
  if (owned || givesWay) freed(acceptor, instance, entry, now, effects)
  else tidy(acceptor, instance)
  reply(effects, from, { type: 'released', instance, ballot, owned }, after)
}
