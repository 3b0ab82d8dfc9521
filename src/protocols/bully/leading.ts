/** What follows a win: everybody is told, until they say that they heard; and the end, which is told as well. */
import type { PeerId } from '../quorum/types.ts'
import { majoritySize } from '../quorum/majority.ts'
import { put, takeDue } from './agenda.ts'
import { betterThan, isFreed, isSilent, noteFreed } from './facts.ts'
import { send, sendToAll, tell, type Outbox } from './outbox.ts'
import type { Bully, Contest, LocalStand, News, Seat } from './state.ts'
import type { BullyMessage, Freed, Led, Metadata, Stand } from './types.ts'

/** Who does not answer so often is told again when it comes back. */
const repeatsMax = 8

export function win(bully: Bully, out: Outbox, seat: Seat, contest: Contest, local: LocalStand): void {
  const { session, epoch } = contest
  seat.contest = null
  seat.yields = 0
  seat.failures = 0
  seat.heir = null
  local.granted = epoch
  seat.leading = {
    session,
    epoch,
    challengedBy: null,
  }
  seat.led = { epoch, stand: local.stand, version: 0 }
  seat.won = epoch
  tell(bully, out, session, { type: 'granted', election: seat.election, epoch, tag: local.tag })
  out.effects.push({ type: 'observed', election: seat.election, led: seat.led })
  announce(bully, out, seat, seat.led)
}

/** COORDINATOR. */
function announce(bully: Bully, out: Outbox, seat: Seat, led: Led, asker: News['asker'] = null): void {
  const { election } = seat
  tellNews(bully, out, seat, bully.others, asker, (note) => ({ type: 'led', note, election, ...led }))
}

/** The session will hold nothing of this election up to this epoch. */
export function free(
  bully: Bully,
  out: Outbox,
  seat: Seat,
  freed: Freed,
  { heir = null, asker = null }: { readonly heir?: string | null; readonly asker?: News['asker'] } = {},
): void {
  const { election } = seat
  for (const note of seat.notes) {
    const message = bully.news.get(note)?.message
    if (message?.type === 'led' && message.epoch <= freed.epoch) forget(bully, seat, note)
  }
  const message = { type: 'freed', note: 0, election, freed, heir, won: seat.won } as const
  onFreed(bully, out, seat, message)
  tellNews(bully, out, seat, bully.others, asker, (note) => ({ ...message, note }))
}

function tellNews(
  bully: Bully,
  out: Outbox,
  seat: Seat,
  to: readonly PeerId[],
  asker: News['asker'],
  message: (note: number) => News['message'],
): void {
  bully.notes += 1
  const news: News = { message: message(bully.notes), untold: new Set(to), asker, repeats: 0 }
  for (const note of seat.notes)
    if (isPast(bully, seat, bully.news.get(note), news)) forget(bully, seat, note)
  tellAsker(bully, out, news)
  if (news.untold.size === 0) return
  bully.news.set(bully.notes, news)
  seat.notes.add(bully.notes)
  repeat(bully, out, bully.notes, news)
}

/** What no peer needs to hear any more, however long it is down: the newer news says all that follows from it. */
function isPast(bully: Bully, seat: Seat, news: News | undefined, newer: News): boolean {
  if (news === undefined) return true
  const { message, untold, asker } = news
  const isAwaited =
    asker !== null && bully.everybody.length - untold.size < majoritySize(bully.everybody.length)
  // Told once more to a single peer that was away, it takes nothing from what the others have to hear.
  if (isAwaited || [...untold].some((peer) => !newer.untold.has(peer))) return false
  if (message.type === 'led') return newer.message.type === 'led'
  const { session, epoch } = message.freed
  const isSame = newer.message.type === 'freed' && newer.message.freed.session === session
  return isSame || epoch <= seat.won
}

function forget(bully: Bully, seat: Seat, note: number): void {
  bully.news.delete(note)
  seat.notes.delete(note)
  put(bully.newsDue, note, Infinity)
}

/** To whoever has not said that it heard. */
export function repeatNews(bully: Bully, out: Outbox): void {
  for (const note of takeDue(bully.newsDue, out.now)) {
    const news = bully.news.get(note)
    if (news !== undefined) repeat(bully, out, note, news)
  }
}

function repeat(bully: Bully, out: Outbox, note: number, news: News): void {
  news.repeats += 1
  const waitMs = bully.options.heartbeatMs * 2 ** Math.min(news.repeats, 5)
  put(bully.newsDue, note, news.repeats > repeatsMax ? Infinity : out.now + waitMs)
  for (const peer of news.untold) send(bully, out, peer, news.message)
}

export function onNoted(bully: Bully, out: Outbox, from: PeerId, note: number): void {
  const news = bully.news.get(note)
  if (news?.untold.delete(from) !== true) return
  tellAsker(bully, out, news)
  const seat = bully.seats.get(news.message.election)
  if (news.untold.size === 0 && seat !== undefined) forget(bully, seat, note)
}

/** Once: when just a majority has heard, this peer included. */
function tellAsker(bully: Bully, out: Outbox, { asker, untold }: News): void {
  const { length } = bully.everybody
  if (asker === null || length - untold.size !== majoritySize(length)) return
  const { session, election, tag } = asker
  tell(bully, out, session, { type: 'known', election, tag })
}

/** It is heard again after a silence: what it may have missed is told. */
export function onHeardAgain(bully: Bully, out: Outbox, peer: PeerId): void {
  for (const [note, news] of bully.news) {
    if (!news.untold.has(peer)) continue
    news.repeats = 0
    const at = bully.newsDue.due.get(note) ?? Infinity
    put(bully.newsDue, note, Math.min(at, out.now + bully.options.heartbeatMs))
    send(bully, out, peer, news.message)
  }
}

/** It is connected again, perhaps without its memory: what stands here, and what is held here, is announced. */
export function onBack(bully: Bully, out: Outbox, peer: PeerId): void {
  onHeardAgain(bully, out, peer)
  for (const seat of bully.seats.values()) {
    const { election, leading, led } = seat
    // Else it would ask for it again and again, or take the election for vacant.
    if (leading !== null && led !== null)
      tellNews(bully, out, seat, [peer], null, (note) => ({ type: 'led', note, election, ...led }))
    for (const { stand, granted } of seat.local.values()) {
      // Round 0 is nobody's contest: it announces, and its answer tells what was missed.
      if (granted === null) send(bully, out, peer, { type: 'ask', election, round: 0, stand })
    }
  }
}

export function onCampaign(bully: Bully, seat: Seat, stand: Stand, tag = 0): void {
  const { session } = stand.of
  if (bully.local.has(session) && !seat.local.has(session))
    seat.local.set(session, { stand, tag, granted: null, hasAsked: false, isAnswered: false, ahead: -1 })
}

/** Cancelled, or released after the work has ended: nothing that the session won here is held from now on. */
export function onLeave(
  bully: Bully,
  out: Outbox,
  seat: Seat,
  leaving: { readonly session: string; readonly heir?: string | null; readonly tag?: number },
): void {
  const { session, heir = null, tag = 0 } = leaving
  const { election } = seat
  const local = seat.local.get(session)
  if (local === undefined) {
    tell(bully, out, session, { type: 'not-holder', election, tag })
    return
  }
  seat.local.delete(session)
  const contested = seat.contest?.session === session && seat.contest.phase === 'voting'
  const epoch = local.granted ?? (contested ? (seat.contest?.epoch ?? 0) : 0)
  if (seat.contest?.session === session) seat.contest = null
  if (seat.leading?.session === session) seat.leading = null
  sendToAll(bully, out, { type: 'left', election: seat.election, session })
  if (epoch > 0) free(bully, out, seat, { session, epoch }, { heir, asker: { session, election, tag } })
  else tell(bully, out, session, { type: 'known', election, tag })
}

export function onProclaim(
  bully: Bully,
  out: Outbox,
  seat: Seat,
  proclaimed: { readonly session: string; readonly metadata: Metadata; readonly tag?: number },
): void {
  const { session, metadata, tag = 0 } = proclaimed
  const { election, leading, led } = seat
  if (leading?.session !== session || led === null) {
    tell(bully, out, session, { type: 'not-holder', election, tag })
    return
  }
  seat.led = { ...led, stand: { ...led.stand, metadata }, version: led.version + 1 }
  out.effects.push({ type: 'observed', election, led: seat.led })
  announce(bully, out, seat, seat.led, { session, election, tag })
}

export function onFreed(
  bully: Bully,
  out: Outbox,
  seat: Seat,
  { freed, heir, won }: Extract<BullyMessage, { type: 'freed' }>,
): void {
  const wasLed = seat.led !== null && !isFreed(bully, seat, seat.led)
  noteFreed(seat, freed)
  seat.won = Math.max(seat.won, won)
  seat.highest = Math.max(seat.highest, freed.epoch, won)
  if (!wasLed || seat.led === null || !isFreed(bully, seat, seat.led)) return
  // The others leave it the time of a few heartbeats, in which it asks first.
  if (heir !== null) seat.heir = { id: heir, until: out.now + 3 * bully.options.heartbeatMs }
  out.effects.push({ type: 'observed', election: seat.election, led: null })
}

/** Only if asked for: whoever is better and has been up for long enough may be handed over to, once. */
export function challenge(bully: Bully, out: Outbox, seat: Seat): void {
  const { preemptAfterMs = null } = bully.options
  const { leading } = seat
  const local = leading === null ? undefined : seat.local.get(leading.session)
  if (preemptAfterMs === null || leading === null || local === undefined) return
  const [best] = betterThan(bully, seat, local.stand, out.now)
  if (best === undefined || best.of.session === leading.challengedBy) return
  if (out.now < challengeAt(bully, best.of.session)) return
  if (isSilent(bully, best.of.session, out.now)) return
  leading.challengedBy = best.of.session
  tell(bully, out, leading.session, { type: 'challenged', election: seat.election, by: best.of.id })
}

export function challengeAt(bully: Bully, session: string): number {
  return (bully.known.get(session)?.upSince ?? Infinity) + (bully.options.preemptAfterMs ?? Infinity)
}
