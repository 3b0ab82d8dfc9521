/** What this peer leads, and how the others hear of it: COORDINATOR, the beats, and what is sent again. */
import type { PeerId } from '../../quorum/types.ts'
import {
  answerMs,
  send,
  sendToAll,
  tell,
  type Classic,
  type Contact,
  type Outbox,
  type Pending,
  type Seat,
} from './state.ts'
import type { ClassicBody, ClassicNews, Reign } from './types.ts'

/** In one message. A frame carries up to 64 of them, and has room for so many with the largest metadata. */
export const partSize = 1

/** COORDINATOR: tells everybody of a change, or of the end, of what this peer leads. */
export function announce(classic: Classic, out: Outbox, seat: Seat, heir: string | null = null): void {
  classic.revision += 1
  classic.changedAt = out.now
  classic.beatAt = out.now
  sendToAll(classic, out, { ...reignOf(classic, seat), isChange: true, heir })
}

/** To one that stands although there is a leader: it cannot know. */
export function remind(classic: Classic, out: Outbox, seat: Seat, to: PeerId): void {
  send(classic, out, to, { ...reignOf(classic, seat), isChange: false, heir: null })
}

function reignOf({ revision }: Classic, { election, own }: Seat) {
  return { type: 'reign', revision, election, reign: own?.reign ?? null } as const
}

/** `news` once everybody who is linked has heard of the last change; nobody waits long for whoever does not answer. */
export function tellWhenHeard(
  classic: Classic,
  out: Outbox,
  of: { readonly session: string; readonly news: ClassicNews },
): void {
  const linked = [...classic.contacts.values()].filter(({ isLinked }) => isLinked).map(({ peer }) => peer)
  const pending: Pending = {
    ...of,
    revision: classic.revision,
    unheard: new Set(linked),
    dueAt: out.now + answerMs(classic),
  }
  if (linked.length === 0) tell(classic, out, of.session, of.news)
  else classic.pending.push(pending)
}

function reigns(classic: Classic): { readonly election: string; readonly reign: Reign }[] {
  const all: { election: string; reign: Reign }[] = []
  for (const { election, own } of classic.seats.values())
    if (own !== null) all.push({ election, reign: own.reign })
  return all
}

/** The session said that it lives: everybody hears so, at most twice in a heartbeat. */
export function beat(classic: Classic, out: Outbox): void {
  if (out.now - classic.beatAt < classic.options.heartbeatMs / 2) return
  classic.beatAt = out.now
  sendToAll(classic, out, { type: 'beat', revision: classic.revision })
}

/** Who leads nothing any more beats on until those who are linked know that, for a lease at most. */
export function beatOn(classic: Classic, out: Outbox): void {
  // The very sum that `wakeAt` asks for: a difference rounds otherwise, and would find the instant not come yet for ever.
  if (!isOwed(classic, out.now) || out.now < classic.beatAt + classic.options.heartbeatMs) return
  classic.beatAt = out.now
  for (const { peer, isLinked, confirmed } of classic.contacts.values())
    if (isLinked && confirmed < classic.revision)
      send(classic, out, peer, { type: 'beat', revision: classic.revision })
}

export function isOwed(classic: Classic, now: number): boolean {
  if (now - classic.changedAt > classic.options.leaseMs) return false
  for (const { isLinked, confirmed } of classic.contacts.values())
    if (isLinked && confirmed < classic.revision) return true
  return false
}

export function onHeard(
  classic: Classic,
  out: Outbox,
  contact: Contact,
  { of, known }: Extract<ClassicBody, { type: 'heard' }>,
): void {
  contact.confirmed = Math.max(contact.confirmed, known)
  // Something before that was lost.
  if (known < of) sendReigns(classic, out, contact.peer)
  settle(classic, out)
}

/** Whoever was waited for has heard, or is no longer linked, or took too long. */
export function settle(classic: Classic, out: Outbox): void {
  classic.pending = classic.pending.filter(({ session, news, revision, unheard, dueAt }) => {
    for (const peer of unheard) {
      const contact = classic.contacts.get(peer)
      if (contact === undefined || !contact.isLinked || contact.confirmed >= revision) unheard.delete(peer)
    }
    if (unheard.size > 0 && out.now < dueAt) return true
    tell(classic, out, session, news)
    return false
  })
}

function sendReigns(classic: Classic, out: Outbox, to: PeerId): void {
  const all = reigns(classic)
  const { revision } = classic
  for (let first = 0; first === 0 || first < all.length; first += partSize) {
    const list = all.slice(first, first + partSize)
    send(classic, out, to, { type: 'reigns', revision, total: all.length, list })
  }
}
