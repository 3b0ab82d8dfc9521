/** Who is heard, and who is gone. */
import {
  expiresAt,
  isUnsure,
  sessionOf,
  suspectedAt,
  tidy,
  wakeBy,
  type Acceptor,
  type SessionTie,
} from './state.ts'
import { changed, drop, freed } from './news.ts'
import type { AcceptorEffect, AcceptorInput, Address, SessionKey } from '../types.ts'

export function heard(
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

/** Only token mode hears of it: a time-mode owner is replaced by the silence of a whole lease and by nothing else. */
export function suspect(
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
        drop(acceptor, instance, 'suspected', now, effects)
    }
  }
}

export function wake(acceptor: Acceptor, now: number, effects: AcceptorEffect[]): void {
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
      forget(acceptor, key, 'expired', now, effects)
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
          drop(acceptor, instance, 'suspected', now, effects)
      }
    }
  }
  // Letting go late is always safe: one pass per tick is enough, however many die at once.
  if (next !== Infinity) wakeBy(acceptor, Math.max(next, now + acceptor.bounds.tickMs), effects)
}

/** The session ended, or was silent for its lease. */
export function forget(
  acceptor: Acceptor,
  key: SessionKey,
  why: 'closed' | 'expired',
  now: number,
  effects: AcceptorEffect[],
): void {
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
  for (const instance of session.holds) drop(acceptor, instance, why, now, effects)
}
