/**
 * What is over, and who is silent. A vote may be replaced only when what it elected is surely past; a silence is a hint, and
 * counts in token mode only.
 */
import type { SessionKey, Withdrawal } from '../support/types.ts'
import { silenceMs, stepVoter } from '../support/voter.ts'
import { forgetWithdrawals } from '../support/withdrawals.ts'
import { isSuppressed } from './damping.ts'
import { compareRanks } from './rank.ts'
import { everyEpoch, learn, type Bully, type Seat } from './state.ts'
import type { Ballot, Freed, Stand, View } from './types.ts'

/** A silence of so many heartbeats is a hint of death (DESIGN §4.2). */
const silentBeats = 2.5

/** The epoch of a session as far as this peer knows. */
export function epochOf(bully: Bully, session: SessionKey): number {
  return Math.max(bully.known.get(session)?.facts.epoch ?? 1, bully.reopened.get(session)?.epoch ?? 1)
}

/** Given back by whoever would hold it: true for ever. */
export function isFreed(bully: Bully, seat: Seat, { epoch, stand }: Ballot): boolean {
  const { session } = stand.of
  return bully.over.get(session) === everyEpoch || (seat.freed.get(session) ?? 0) >= epoch
}

/** As far as this peer knows. A vote asks for more (`voting.ts`): a majority may have agreed to a reopening meanwhile. */
export function seemsOver(bully: Bully, seat: Seat, ballot: Ballot): boolean {
  const { session } = ballot.stand.of
  if (ballot.epoch < seat.won || isFreed(bully, seat, ballot)) return true
  return (bully.over.get(session) ?? 0) >= epochOf(bully, session)
}

/**
 * What stands in the way of another vote here, newest first: the leader that is known, this voter's own vote, and what that
 * was to replace. A vote that was never won proves nothing about those before it: the majority that was asked for it may have
 * refused, because it knew better. Once it is known to be won, they are past.
 */
export function inTheWay(seat: Seat): Ballot[] {
  const ballots: Ballot[] = []
  if (seat.led !== null) ballots.push({ epoch: seat.led.epoch, stand: seat.led.stand })
  if (seat.vote !== null && seat.vote.ballot.epoch >= seat.won) {
    const { ballot, past } = seat.vote
    if (ballot.epoch !== seat.led?.epoch) ballots.push(ballot)
    if (ballot.epoch > seat.won)
      ballots.push(...past.filter(({ epoch }) => epoch >= seat.won && epoch !== seat.led?.epoch))
  }
  return ballots.toSorted((left, right) => right.epoch - left.epoch)
}

export function holderOf(bully: Bully, seat: Seat): Ballot | null {
  return inTheWay(seat).find((ballot) => !seemsOver(bully, seat, ballot)) ?? null
}

/** Dead or cut off, as far as this peer can tell. */
export function isSilent(bully: Bully, session: SessionKey, now: number): boolean {
  if (!bully.known.has(session) || isProcessGone(bully, session)) return true
  return now >= silentAt(bully, session, now)
}

/** By the clock it is silent, but this peer may have stood still: whether it said something since is not read yet. */
export function isInDoubt(bully: Bully, session: SessionKey, now: number): boolean {
  if (!bully.known.has(session) || isProcessGone(bully, session)) return false
  const at = silentAt(bully, session, now)
  return now >= at && bully.polledAt < at
}

function isProcessGone(bully: Bully, session: SessionKey): boolean {
  const host = bully.known.get(session)?.facts.host ?? null
  if (host === null) return false
  if (host.peer === bully.self) return host.incarnation < bully.options.incarnation
  return host.incarnation <= (bully.gone.get(host.peer) ?? 0)
}

export function silentAt(bully: Bully, session: SessionKey, now: number): number {
  return now - silenceMs(bully.voter, session, now) + silentBeats * bully.options.heartbeatMs
}

/** Whoever led last gave it back, and stands again: `resign` would mean nothing to the highest rank if it came first. */
function gaveBack({ led, won, freed }: Seat, { of }: Stand): boolean {
  // Not whoever gave up an attempt in the epoch that another one won.
  if (led === null || led.epoch < won || led.stand.of.session !== of.session) return false
  return (freed.get(of.session) ?? 0) >= led.epoch
}

/**
 * Above 0: `left` comes first. So does whom the last leader named; the last leader itself comes last if it resigned, and so
 * does who flapped too often (`damping.ts`). Of its own
 * candidates a peer leaves that to the others: who gives way to those that send it forward again waits for nothing.
 */
export function compareStands(bully: Bully, seat: Seat, left: Stand, right: Stand, now: number): number {
  const heir = seat.heir !== null && now < seat.heir.until ? seat.heir.id : null
  const classOf = (stand: Stand): number => {
    const { id, session } = stand.of
    if (id === heir) return 2
    if (gaveBack(seat, stand)) return 0
    return isSuppressed(bully.damping, id, now) && !bully.local.has(session) ? 0 : 1
  }
  const [first, second] = [classOf(left), classOf(right)]
  if (first !== second) return first - second
  return compareRanks(
    { priority: left.priority, id: left.of.id },
    { priority: right.priority, id: right.of.id },
  )
}

/** Candidates that would come first, of those that this peer hears. */
export function betterThan(bully: Bully, seat: Seat, stand: Stand, now: number): Stand[] {
  const leader = seat.led === null || isFreed(bully, seat, seat.led) ? null : seat.led.stand.of.session
  return [...seat.standing.values()]
    .filter((other) => other.of.session !== stand.of.session)
    .filter(({ of }) => of.session !== leader)
    .filter(({ of }) => !isSilent(bully, of.session, now))
    .filter((other) => (bully.over.get(other.of.session) ?? 0) < other.of.epoch)
    .filter((other) => compareStands(bully, seat, other, stand, now) > 0)
    .toSorted((left, right) => compareStands(bully, seat, right, left, now))
}

export function viewOf(bully: Bully, seat: Seat, now: number): View {
  return {
    promised: promised(seat),
    won: seat.won,
    held: inTheWay(seat)
      .filter((ballot) => !isFreed(bully, seat, ballot))
      .map(withoutMetadata)
      .map(({ epoch, stand }) => ({
        epoch,
        stand: { ...stand, of: factsOf(bully, stand) },
        isSilent: isSilent(bully, stand.of.session, now),
      })),
    withdrawn: withdrawnOf(bully, seat),
    freed: [...seat.freed].map(([session, epoch]) => ({ session, epoch })),
  }
}

/** Nobody who must be waited for is asked what it proclaims, and it may be larger than all the rest. */
export function withoutMetadata({ epoch, stand }: Ballot): Ballot {
  return { epoch, stand: { ...stand, metadata: {} } }
}

export function promised(seat: Seat): number {
  return Math.max(seat.vote?.ballot.epoch ?? 0, seat.won)
}

function factsOf(bully: Bully, { of }: Stand): Stand['of'] {
  return bully.known.get(of.session)?.facts ?? of
}

/** Of the sessions that stand in the way here. */
export function withdrawnOf(bully: Bully, seat: Seat): Withdrawal[] {
  return inTheWay(seat).flatMap(({ stand: { of } }) => {
    const epoch = bully.over.get(of.session)
    return epoch === undefined ? [] : [{ session: of.session, epoch }]
  })
}

/** Facts are true for ever, whoever tells them. */
export function believe(
  bully: Bully,
  seat: Seat,
  facts: {
    readonly won: number
    readonly withdrawn: readonly Withdrawal[]
    readonly freed: readonly Freed[]
  },
  now: number,
): void {
  seat.won = Math.max(seat.won, facts.won)
  seat.highest = Math.max(seat.highest, facts.won)
  for (const { session, epoch } of facts.withdrawn) {
    if (epoch === everyEpoch) endSession(bully, session, now)
    else noteOver(bully, session, epoch)
  }
  for (const one of facts.freed) noteFreed(seat, one)
}

/** Of sessions that ended longer ago nothing is known: they are silent, and end once more if need be. */
const overMax = 50_000

export function noteOver(bully: Bully, session: SessionKey, epoch: number): void {
  const { over } = bully
  if (epoch <= (over.get(session) ?? 0)) return
  for (const seat of bully.waiting.get(session) ?? []) bully.touched.add(seat)
  over.delete(session)
  over.set(session, epoch)
  for (const oldest of over.keys()) {
    if (over.size <= overMax) return
    over.delete(oldest)
  }
}

/** It gave up everything first: nothing that it says counts from now on, so nothing about it needs to be remembered. */
export function endSession(bully: Bully, session: SessionKey, now: number): void {
  if (bully.over.get(session) === everyEpoch) return
  noteOver(bully, session, everyEpoch)
  const id = bully.known.get(session)?.facts.id
  if (id !== undefined && bully.newest.get(id) === session) bully.newest.delete(id)
  bully.clearing.delete(session)
  bully.known.delete(session)
  bully.reopened.delete(session)
  forgetWithdrawals(bully.withdrawals, session)
  stepVoter(bully.voter, { type: 'closed', session }, now)
}

/** So many sessions of one election are remembered; the others end by silence. */
const freedMax = 32

export function noteFreed(seat: Seat, { session, epoch }: Freed): void {
  if (epoch <= (seat.freed.get(session) ?? 0)) return
  seat.freed.delete(session)
  seat.freed.set(session, epoch)
  for (const oldest of seat.freed.keys()) {
    if (seat.freed.size <= freedMax) return
    seat.freed.delete(oldest)
  }
}

/** What another peer knows of an election. */
export function learnView(bully: Bully, seat: Seat, view: View, now: number): void {
  believe(bully, seat, view, now)
  seat.highest = Math.max(seat.highest, view.promised)
  for (const { stand } of view.held) learn(bully, stand.of, now)
}
