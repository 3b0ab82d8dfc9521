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
import { prepare, propose, release } from './ballots.ts'
import { keptBy, restore, stopAcceptor } from './clean-stop.ts'
import { reply, stateReply, tell, tieOf } from './news.ts'
import { forget, heard, suspect, wake } from './silence.ts'
import { covered, blankAcceptor, entryOf, tidy, wakeBy, type Acceptor } from './state.ts'
import type {
  AcceptorEffect,
  AcceptorInput,
  AcceptorOptions,
  Address,
  Instance,
  PaxosRequest,
} from '../types.ts'

export { stopAcceptor, type Acceptor }

type Request<Type extends PaxosRequest['type']> = Extract<PaxosRequest, { type: Type }>

export function createAcceptor(options: AcceptorOptions): Acceptor {
  const acceptor = blankAcceptor(options)
  const kept = keptBy(options)
  if (kept !== null) restore(acceptor, kept)
  return acceptor
}

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
      forget(acceptor, from.session, 'closed', now, effects)
      return
    default:
      request satisfies never
  }
}

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
