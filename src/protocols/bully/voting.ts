/** The voter's side of an election: who is heard, and the one durable vote of each epoch. */
import type { PeerId } from '../quorum/types.ts'
import {
  believe,
  betterThan,
  epochOf,
  inTheWay,
  isFreed,
  isSilent,
  promised,
  viewOf,
  withoutMetadata,
} from './facts.ts'
import { persist, send, type Outbox } from './outbox.ts'
import { learn, seatOf, type Bully, type Seat } from './state.ts'
import type { Ballot, BullyMessage, Stand } from './types.ts'

/** Candidates of one election that a voter remembers; the others stand all the same, unannounced. */
const standingMax = 1_000

/** So many contests may fail one after the other before their candidates have to say that they gave up. */
const pastMax = 32

export function noteStand(bully: Bully, seat: Seat, stand: Stand, now: number): void {
  learn(bully, stand.of, now)
  const { standing } = seat
  if (standing.size >= standingMax && !standing.has(stand.of.session)) {
    for (const session of standing.keys()) if (isSilent(bully, session, now)) standing.delete(session)
    if (standing.size >= standingMax) return
  }
  standing.set(stand.of.session, stand)
}

export function onAsk(
  bully: Bully,
  out: Outbox,
  from: PeerId,
  { election, round, stand }: Extract<BullyMessage, { type: 'ask' }>,
): void {
  const seat = seatOf(bully, election)
  noteStand(bully, seat, stand, out.now)
  seat.askers.set(from, { round, stand, at: out.now })
  answer(bully, out, seat, from, { round, stand })
}

/** What is heard of death, or of an end, is told to whoever asked before. */
export function answerAgain(bully: Bully, out: Outbox, seat: Seat): void {
  const since = out.now - 4 * bully.options.heartbeatMs
  for (const [from, asked] of seat.askers)
    if (from !== bully.self && asked.at >= since) answer(bully, out, seat, from, asked)
}

function answer(
  bully: Bully,
  out: Outbox,
  seat: Seat,
  to: PeerId,
  { round, stand }: { readonly round: number; readonly stand: Stand },
): void {
  send(bully, out, to, {
    type: 'answer',
    election: seat.election,
    round,
    session: stand.of.session,
    view: viewOf(bully, seat, out.now),
    better: betterThan(bully, seat, stand, out.now)[0] ?? null,
  })
}

/**
 * One vote per epoch, durable before it is told. It may replace an earlier one only if what that elected is surely past:
 * then any two majorities meet in a voter that saw the end of the first before it let the second begin.
 */
export function onVote(
  bully: Bully,
  out: Outbox,
  from: PeerId,
  request: Extract<BullyMessage, { type: 'vote' }>,
): void {
  const { election, ballot } = request
  const seat = seatOf(bully, election)
  const { session } = ballot.stand.of
  const reply = (granted: boolean, after = 0): void =>
    send(
      bully,
      out,
      from,
      {
        type: 'vote-reply',
        election,
        session,
        epoch: ballot.epoch,
        granted,
        view: viewOf(bully, seat, out.now),
      },
      after,
    )
  const mine = seat.vote
  if (mine !== null && mine.ballot.epoch === ballot.epoch && mine.ballot.stand.of.session === session) {
    reply(true, mine.sequence)
    return
  }
  noteStand(bully, seat, ballot.stand, out.now)
  const isCovered = covers(bully, seat, request, out.now)
  believe(bully, seat, request, out.now)
  if (ballot.epoch <= promised(seat) || !isCovered) {
    reply(false)
    return
  }
  const past = inTheWay(seat)
    .filter((one) => one.stand.of.session !== session && !isFreed(bully, seat, one))
    .map(withoutMetadata)
  if (past.length > pastMax) {
    reply(false)
    return
  }
  const sequence = persist(bully, out, { type: 'vote', election, ballot, past })
  seat.vote = { ballot, past, sequence }
  seat.highest = Math.max(seat.highest, ballot.epoch)
  reply(true, sequence)
}

/** Whether everything that stands in the way here is past. */
function covers(
  bully: Bully,
  seat: Seat,
  request: Extract<BullyMessage, { type: 'vote' }>,
  now: number,
): boolean {
  const withdrawn = new Map(request.withdrawn.map(({ session, epoch }) => [session, epoch]))
  // A majority of those who are asked meets every majority that agreed to a reopening: one that knows of it is enough.
  for (const [session, epoch] of withdrawn) if (epoch < epochOf(bully, session)) return false
  const freed = (ballot: Ballot): boolean =>
    isFreed(bully, seat, ballot) ||
    request.freed.some(({ session, epoch }) => session === ballot.stand.of.session && epoch >= ballot.epoch)
  return inTheWay(seat).every((ballot) => {
    const { of, exclusivity } = ballot.stand
    if (ballot.epoch < request.won || of.session === request.ballot.stand.of.session || freed(ballot))
      return true
    // Named in this very request, so that all who vote for it check it: what this voter believes by itself, others may not.
    if (withdrawn.has(of.session)) return true
    const isToken = exclusivity === 'token' && request.ballot.stand.exclusivity === 'token'
    return isToken && isSilent(bully, of.session, now)
  })
}

/** COORDINATOR. One of an older epoch says nothing (B4). True: no attempt that is under way here is newer. */
export function onLed(
  bully: Bully,
  out: Outbox,
  from: PeerId,
  { note, election, epoch, stand, version }: Extract<BullyMessage, { type: 'led' }>,
): boolean {
  const seat = seatOf(bully, election)
  send(bully, out, from, { type: 'noted', note })
  learn(bully, stand.of, out.now)
  seat.won = Math.max(seat.won, epoch)
  seat.highest = Math.max(seat.highest, epoch)
  const last = seat.led
  if (last !== null && (epoch < last.epoch || (epoch === last.epoch && version <= last.version))) return false
  seat.led = { epoch, stand, version }
  seat.standing.delete(stand.of.session)
  if (epoch !== last?.epoch) {
    seat.heir = null
    seat.askers.clear()
    seat.yields = 0
    seat.failures = 0
  }
  if (!isFreed(bully, seat, { epoch, stand })) out.effects.push({ type: 'observed', election, led: seat.led })
  return (seat.contest?.epoch ?? 0) <= epoch
}
