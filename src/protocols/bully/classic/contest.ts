/** ELECTION and ANSWER: who stands next, once nobody leads. */
import { compareRanks } from '../rank.ts'
import type { PeerId } from '../../quorum/types.ts'
import { isContested, isDead } from './contacts.ts'
import { announce, remind } from './reigning.ts'
import {
  againMs,
  answerMs,
  deferMs,
  seatOf,
  send,
  sendToAll,
  takeEpoch,
  tell,
  waitingHere,
  type Classic,
  type Contact,
  type LocalStand,
  type Outbox,
  type Seat,
} from './state.ts'
import type { ClassicBody, Stand } from './types.ts'

/** So often in one vacancy a better candidate gets the first turn: one that is slow, or half deaf, starves nobody. */
const yieldsMax = 3
/** Candidates of one election that are remembered of one peer; the others stand all the same, unannounced. */
const standingMax = 1_000

/** Nobody leads. The best known goes first, and each of the others waits a step of rank longer (VRRP's skew). */
export function vacated(classic: Classic, out: Outbox, seat: Seat): void {
  const [best] = waitingHere(seat)
  seat.contest = null
  if (best === undefined) return
  const { heir } = seat
  if (heir !== null && out.now < heir.until) {
    if (heir.id === best.stand.id) return ask(classic, out, seat, best)
    seat.contest = { phase: 'delayed', dueAt: heir.until }
    return
  }
  let ahead = 0
  for (const stands of seat.standing.values())
    for (const stand of stands.values()) if (compareRanks(stand, best.stand) > 0) ahead += 1
  if (ahead === 0) return ask(classic, out, seat, best)
  const wait = Math.min(ahead, classic.others.length) * classic.options.rankStepMs
  seat.contest = { phase: 'delayed', dueAt: out.now + wait }
}

/** ELECTION, to all: which of them have better candidates, nobody can know for sure. */
export function ask(classic: Classic, out: Outbox, seat: Seat, { stand }: LocalStand): void {
  seat.round += 1
  const { election, round } = seat
  const unheard = new Set<PeerId>()
  for (const contact of classic.contacts.values()) if (!isDead(contact)) unheard.add(contact.peer)
  const dueAt = out.now + answerMs(classic)
  seat.contest = { phase: 'asking', dueAt, againAt: out.now + againMs(classic), round, unheard }
  sendToAll(classic, out, { type: 'election', election, round, stand })
  if (unheard.size === 0) crown(classic, out, seat)
}

function askAgain(classic: Classic, out: Outbox, { election, contest }: Seat, { stand }: LocalStand): void {
  if (contest?.phase !== 'asking' || out.now < contest.againAt) return
  contest.againAt = out.now + againMs(classic)
  const { round } = contest
  for (const peer of contest.unheard) send(classic, out, peer, { type: 'election', election, round, stand })
}

/** A candidate that waits while somebody leads is known before there is a vacancy. */
export function introduce(classic: Classic, out: Outbox, seat: Seat, { stand }: LocalStand): void {
  sendToAll(classic, out, { type: 'election', election: seat.election, round: 0, stand })
}

/** To a new leader, which may not have heard of them: whom it can hand over to. */
export function introduceAll(classic: Classic, out: Outbox, seat: Seat, to: PeerId): void {
  for (const local of waitingHere(seat)) {
    local.isKnown = false
    send(classic, out, to, { type: 'election', election: seat.election, round: 0, stand: local.stand })
  }
}

export function onElection(
  classic: Classic,
  out: Outbox,
  { peer, confirmed }: Contact,
  { election, round, stand }: Extract<ClassicBody, { type: 'election' }>,
): void {
  const seat = seatOf(classic, election)
  remember(seat, peer, stand)
  classic.dirty.add(seat)
  if (seat.own !== null && (round > 0 || confirmed < classic.revision)) remind(classic, out, seat, peer)
  if (round === 0 && seat.own === null) return
  const [mine] = waitingHere(seat)
  const isBetter =
    seat.own !== null ||
    seat.contest?.phase === 'crowning' ||
    (mine !== undefined && !isHeir(seat, stand, out.now) && compareRanks(mine.stand, stand) > 0)
  const highest = Math.max(seat.highest, seat.taken)
  send(classic, out, peer, { type: 'answer', election, round, highest, isBetter })
  if (seat.own !== null || seat.followed !== null || mine === undefined) return
  // Who answers holds an election of its own (Garcia-Molina 1982); who is lower leaves it to the other.
  if (!isBetter) defer(classic, out, seat)
  else if (seat.contest === null || seat.contest.phase === 'delayed') ask(classic, out, seat, mine)
}

function isHeir({ heir }: Seat, { id }: Stand, now: number): boolean {
  return heir?.id === id && now < heir.until
}

function remember(seat: Seat, peer: PeerId, stand: Stand): void {
  const stands = seat.standing.get(peer) ?? new Map<string, Stand>()
  seat.standing.set(peer, stands)
  if (stands.has(stand.session) || stands.size < standingMax) stands.set(stand.session, stand)
}

export function onLeft(
  classic: Classic,
  { peer }: Contact,
  { election, session }: Extract<ClassicBody, { type: 'left' }>,
): void {
  const seat = classic.seats.get(election)
  if (seat?.standing.get(peer)?.delete(session) === true) classic.dirty.add(seat)
}

export function onAnswer(
  classic: Classic,
  out: Outbox,
  { peer }: Contact,
  { election, round, highest, isBetter }: Extract<ClassicBody, { type: 'answer' }>,
): void {
  const seat = classic.seats.get(election)
  if (seat === undefined) return
  if (round === 0 && seat.followed?.peer === peer) {
    for (const local of seat.local.values()) local.isKnown = true
    classic.dirty.add(seat)
  }
  if (seat.contest?.phase !== 'asking' || seat.contest.round !== round) return
  // What somebody took and never led in counts too: no epoch is used twice where that is known.
  seat.taken = Math.max(seat.taken, highest)
  if (isBetter && defer(classic, out, seat)) return
  seat.contest.unheard.delete(peer)
  if (seat.contest.unheard.size === 0) crown(classic, out, seat)
}

/** False: better ones had their turns, and did not take them. */
function defer(classic: Classic, out: Outbox, seat: Seat): boolean {
  if (seat.contest?.phase === 'deferring') return true
  if (seat.contest?.phase === 'crowning' || seat.yields >= yieldsMax) return false
  seat.yields += 1
  seat.contest = { phase: 'deferring', dueAt: out.now + deferMs(classic) }
  return true
}

/** Its time has come; whoever has not answered by now is not linked, or too slow. */
export function due(classic: Classic, out: Outbox, seat: Seat): void {
  const { contest } = seat
  if (contest === null) return
  const [best] = waitingHere(seat)
  if (best === undefined) {
    seat.contest = null
    return
  }
  if (out.now < contest.dueAt) return askAgain(classic, out, seat, best)
  switch (contest.phase) {
    case 'delayed':
    case 'deferring':
      return ask(classic, out, seat, best)
    case 'asking':
      crown(classic, out, seat)
      return
    case 'crowning':
      return
    default:
      contest satisfies never
  }
}

function crown(classic: Classic, out: Outbox, seat: Seat): void {
  if (seat.contest?.phase !== 'asking') return
  const [best] = waitingHere(seat)
  seat.contest = null
  if (best === undefined) return
  const { session } = best.stand
  seat.contest = { phase: 'crowning', dueAt: Infinity, session, ...takeEpoch(classic, out, seat) }
}

/** The epoch is durable: it leads, if nobody else does by now; or goes on in that epoch. */
export function onPersisted(classic: Classic, out: Outbox, seat: Seat, sequence: number): void {
  const { contest, rising, own } = seat
  if (rising !== null && rising.sequence <= sequence) {
    seat.rising = null
    classic.dirty.add(seat)
    const isFree = own !== null && !own.isStopping && !isContested(classic, seat, out.now)
    if (isFree && rising.epoch > own.reign.epoch) {
      own.reign = { ...own.reign, epoch: rising.epoch }
      seat.highest = Math.max(seat.highest, rising.epoch)
      announce(classic, out, seat)
      const news = { type: 'risen', election: seat.election, epoch: rising.epoch } as const
      tell(classic, out, own.reign.stand.session, news)
    }
  }
  if (contest?.phase !== 'crowning' || contest.sequence > sequence) return
  seat.contest = null
  classic.dirty.add(seat)
  const local = seat.local.get(contest.session)
  if (local === undefined || seat.followed !== null || own !== null) return
  const { epoch } = contest
  seat.own = {
    reign: { epoch, slot: classic.slot, version: 0, stand: local.stand },
    isStopping: false,
  }
  seat.highest = Math.max(seat.highest, epoch)
  announce(classic, out, seat)
  const { session } = local.stand
  tell(classic, out, session, { type: 'granted', election: seat.election, epoch, tag: local.tag })
}
