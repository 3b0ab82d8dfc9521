/**
 * The acceptor of PaxosLease (docs/paxos.md), one at each peer. It accepts an owner per instance and keeps it for as long
 * as it supports the owner's session: until the session was silent for its lease, by this acceptor's clock, or releases
 * it, or a higher ballot replaces it. To answer `promise` is to say "empty, and nobody below this ballot is accepted here
 * any more"; so what was dropped cannot come back by an old proposal once somebody was told that it is gone.
 *
 * Nothing is written when something is accepted. An acceptor that restarted forgot it, and forgot what it had promised:
 * - it rejects every ballot up to the ceiling that was on disk before anything above was promised (G1, G1b, G4);
 * - it says `unsure` until no session that it may have supported can still count on it;
 * - it answers keepalives at once, but under a new tie: to the holder it supports nothing that it did not accept again.
 */
import {
  breakTie,
  covered,
  createAcceptor,
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
} from './acceptor-state.ts'
import { changed, drop, freed, stateReply, tell, tieOf } from './news.ts'
import type {
  AcceptorEffect,
  AcceptorInput,
  Address,
  Instance,
  PaxosReply,
  PaxosRequest,
  SessionKey,
} from './types.ts'

export { createAcceptor, type Acceptor }

type Request<Type extends PaxosRequest['type']> = Extract<PaxosRequest, { type: Type }>

/** `now` is `clock.lower()`, read after the input arrived. */
export function stepAcceptor(acceptor: Acceptor, input: AcceptorInput, now: number): AcceptorEffect[] {
  const effects: AcceptorEffect[] = []
  if (!acceptor.toldOfStart) wakeBy(acceptor, acceptor.unsureUntil, effects)
  switch (input.type) {
    case 'request':
      received(acceptor, input.from, input.request, now, effects)
      break
    case 'evidence':
      suspect(acceptor, input, now, effects)
      break
    case 'wake':
      wake(acceptor, now, effects)
      break
    default:
      input satisfies never
  }
  return effects
}

function received(
  acceptor: Acceptor,
  from: Address,
  request: PaxosRequest,
  now: number,
  effects: AcceptorEffect[],
): void {
  switch (request.type) {
    case 'keepalive':
      keepalive(acceptor, from, request, now, effects)
      return
    case 'prepare':
      prepare(acceptor, from, request, now, effects)
      return
    case 'propose':
      propose(acceptor, from, request, now, effects)
      return
    case 'release':
      release(acceptor, from, request, now, effects)
      return
    case 'seek': {
      const line = acceptor.entries.get(request.instance)?.line
      const waits = [...(line?.values() ?? [])].some(({ id }) => id === request.to)
      reply(effects, from, { ...request, type: 'sought', waits })
      return
    }
    case 'watch':
      watch(acceptor, from, request.instance, now, effects)
      return
    case 'unwatch':
      acceptor.sessions.get(from.session)?.watches.delete(request.instance)
      acceptor.entries.get(request.instance)?.watchers.delete(from.session)
      tidy(acceptor, request.instance)
      return
    case 'close':
      reply(effects, from, { type: 'closed', known: acceptor.sessions.has(from.session) })
      forget(acceptor, from.session, now, effects)
      return
    default:
      request satisfies never
  }
}

// ---- what sessions ask ----------------------------------------------------------------------------------------------

function keepalive(
  acceptor: Acceptor,
  from: Address,
  { sequence, leaseMs }: Request<'keepalive'>,
  now: number,
  effects: AcceptorEffect[],
): void {
  const session = heard(acceptor, from, leaseMs, now, effects)
  const { told } = session
  // Before anything of it is accepted: then its first win need not wait for the disk.
  covered(acceptor, { ballot: 0, leaseMs }, effects)
  reply(effects, from, { type: 'keepalive-ack', sequence, told, ...tieOf(acceptor, session) })
}

function heard(
  acceptor: Acceptor,
  from: Address,
  leaseMs: number,
  now: number,
  effects: AcceptorEffect[],
): SessionTie {
  const session = sessionOf(acceptor, from, leaseMs, now)
  session.heardAt = now
  session.suspected = false
  wakeBy(acceptor, expiresAt(acceptor, session), effects)
  return session
}

/** Phase 1. The order of the questions matters only to who asks; each refusal changes no promise. */
function prepare(
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
    ...tieOf(acceptor, session),
  }
}

/** Phase 2. Whoever asks was promised by a majority that the instance is empty, or its own. */
function propose(
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

function release(
  acceptor: Acceptor,
  from: Address,
  { instance, ballot, to, stays }: Request<'release'>,
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

function watch(
  acceptor: Acceptor,
  from: Address,
  instance: Instance,
  now: number,
  effects: AcceptorEffect[],
): void {
  const session = acceptor.sessions.get(from.session)
  // It makes itself known by a keepalive first, because a watch lasts as long as it is heard.
  if (session === undefined) return
  const entry = entryOf(acceptor, instance)
  entry.watchers.add(from.session)
  session.watches.add(instance)
  tidy(acceptor, instance)
  tell(session, stateReply(acceptor, session, instance, entry, now), effects)
}

function reply(effects: AcceptorEffect[], to: Address, message: PaxosReply, after?: number): void {
  effects.push(
    after === undefined
      ? { type: 'reply', to, reply: message }
      : { type: 'reply', to, reply: message, after },
  )
}

// ---- who is gone ----------------------------------------------------------------------------------------------------

/** Only token mode hears of it: a time-mode owner is replaced by the silence of a whole lease and by nothing else. */
function suspect(
  acceptor: Acceptor,
  { peer, incarnation }: Extract<AcceptorInput, { type: 'evidence' }>,
  now: number,
  effects: AcceptorEffect[],
): void {
  for (const session of acceptor.sessions.values()) {
    const { host } = session.address
    if (host === null || host.peer !== peer || host.incarnation > incarnation) continue
    session.suspected = true
    for (const instance of [...session.holds]) {
      if (acceptor.entries.get(instance)?.accepted?.exclusivity === 'token')
        drop(acceptor, instance, now, effects)
    }
  }
}

function wake(acceptor: Acceptor, now: number, effects: AcceptorEffect[]): void {
  acceptor.wakeAt = null
  if (!acceptor.toldOfStart && !isUnsure(acceptor, now)) {
    acceptor.toldOfStart = true
    for (const [instance, entry] of acceptor.entries)
      if (entry.accepted === null) changed(acceptor, instance, entry, now, effects)
  }
  let next = acceptor.toldOfStart ? Infinity : acceptor.unsureUntil
  for (const [key, session] of [...acceptor.sessions]) {
    const expiry = expiresAt(acceptor, session)
    if (now >= expiry) {
      forget(acceptor, key, now, effects)
      continue
    }
    next = Math.min(next, expiry)
    if (!session.contested) continue
    const suspicion = suspectedAt(acceptor, session)
    if (now < suspicion) next = Math.min(next, suspicion)
    else {
      session.contested = false
      for (const instance of [...session.holds]) {
        const entry = acceptor.entries.get(instance)
        if (entry?.accepted?.exclusivity === 'token' && entry.line.size > 0)
          drop(acceptor, instance, now, effects)
      }
    }
  }
  // Letting go late is always safe: one pass per tick is enough, however many die at once.
  if (next !== Infinity) wakeBy(acceptor, Math.max(next, now + acceptor.bounds.tickMs), effects)
}

/** The session ended, or was silent for its lease. */
function forget(acceptor: Acceptor, key: SessionKey, now: number, effects: AcceptorEffect[]): void {
  const session = acceptor.sessions.get(key)
  if (session === undefined) return
  acceptor.sessions.delete(key)
  for (const instance of session.watches) {
    acceptor.entries.get(instance)?.watchers.delete(key)
    tidy(acceptor, instance)
  }
  for (const instance of session.waits) {
    const entry = acceptor.entries.get(instance)
    if (entry === undefined) continue
    entry.line.delete(key)
    if (entry.keptFor !== key) tidy(acceptor, instance)
    else {
      entry.keptFor = null
      freed(acceptor, instance, entry, now, effects)
    }
  }
  for (const instance of session.holds) drop(acceptor, instance, now, effects)
}
