/** What an acceptor tells without being asked: an instance is free, or its owner changed. */
import { breakTie, isUnsure, lineOf, tidy, type Acceptor, type Entry, type SessionTie } from './state.ts'
import type { AcceptorEffect, Address, Ending, Instance, PaxosReply, Tie } from '../types.ts'

export function tieOf(acceptor: Acceptor, session: SessionTie): Tie {
  return { life: acceptor.life, tie: session.tie }
}

/** The owner is not supported any more, or was replaced: it will find out by its digest. */
export function drop(
  acceptor: Acceptor,
  instance: Instance,
  why: Ending,
  now: number,
  effects: AcceptorEffect[],
): void {
  const entry = acceptor.entries.get(instance)
  if (entry === undefined || entry.accepted === null) return
  const session = acceptor.sessions.get(entry.accepted.session)
  entry.accepted = null
  entry.lastEnding = why
  if (session !== undefined) {
    session.holds.delete(instance)
    breakTie(acceptor, session)
  }
  freed(acceptor, instance, entry, now, effects)
}

/** Empty now: tells who waits, in its order, and who watches. */
export function freed(
  acceptor: Acceptor,
  instance: Instance,
  entry: Entry,
  now: number,
  effects: AcceptorEffect[],
): void {
  changed(acceptor, instance, entry, now, effects)
  const line = lineOf(entry)
  const kept = entry.keptFor === null ? line : line.filter(({ address }) => address.session === entry.keptFor)
  for (const [rank, { address }] of kept.entries()) {
    const session = acceptor.sessions.get(address.session)
    if (session === undefined) continue
    tell(
      session,
      { type: 'free', instance, rank, told: session.told + 1, ...tieOf(acceptor, session) },
      effects,
    )
  }
  tidy(acceptor, instance)
}

/** Tells everybody who watches. */
export function changed(
  acceptor: Acceptor,
  instance: Instance,
  entry: Entry,
  now: number,
  effects: AcceptorEffect[],
): void {
  if (entry.watchers.size === 0) return
  acceptor.versions += 1
  for (const key of entry.watchers) {
    const session = acceptor.sessions.get(key)
    if (session !== undefined) tell(session, stateReply(acceptor, session, instance, entry, now), effects)
  }
}

export function stateReply(
  acceptor: Acceptor,
  session: SessionTie,
  instance: Instance,
  entry: Entry,
  now: number,
): PaxosReply {
  const { accepted } = entry
  return {
    type: 'state',
    instance,
    version: acceptor.versions,
    owner:
      accepted === null
        ? null
        : {
            id: accepted.id,
            token: accepted.token,
            metadata: accepted.metadata,
            revision: accepted.revision,
          },
    unsure: accepted === null && isUnsure(acceptor, now),
    ...tieOf(acceptor, session),
  }
}

export function tell(session: SessionTie, reply: PaxosReply, effects: AcceptorEffect[]): void {
  session.told += 1
  effects.push({ type: 'reply', to: session.address, reply })
}

export function reply(effects: AcceptorEffect[], to: Address, message: PaxosReply, after?: number): void {
  effects.push(
    after === undefined
      ? { type: 'reply', to, reply: message }
      : { type: 'reply', to, reply: message, after },
  )
}
