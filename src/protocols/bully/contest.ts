/**
 * The candidate's side: one contest of each election at a time, for the best of the sessions attached to this peer. Asked is
 * everybody at once; who asks first is a matter of rank (VRRP's skew), so that a failover costs a number of messages in
 * proportion to the peers, and the best one wins the first round.
 */
import { grantorSilenceMs } from '../../lease/deadline.ts'
import { majoritySize, voteResult } from '../quorum/majority.ts'
import type { PeerId } from '../quorum/types.ts'
import {
  betterThan,
  compareStands,
  epochOf,
  holderOf,
  isSilent,
  learnView,
  seemsOver,
  silentAt,
} from './facts.ts'
import { send, sendToAll, tell, type Outbox } from './outbox.ts'
import { free, win } from './leading.ts'
import { noteStand } from './voting.ts'
import { everyEpoch, learn, type Bully, type Contest, type LocalStand, type Seat } from './state.ts'
import type { Answer, Ballot, BullyMessage, Held } from './types.ts'

/** So often this peer stands back for better candidates before it stands all the same: a slow one starves nobody (B8). */
const yieldsMax = 3
/** Sessions named in one request. With more in the way it fails, until some of them say that they gave up. */
const reasonsMax = 64
/** A vote that a majority has not answered after so many repetitions is given up. */
const repeatsMax = 4

/** What to do next, whatever changed. */
export function reconsider(bully: Bully, out: Outbox, seat: Seat): void {
  const best = bestLocal(bully, seat, out.now)
  if (seat.contest !== null && seat.contest.session !== best?.stand.of.session) abandon(bully, out, seat)
  if (best === null || seat.leading !== null) return
  tellAhead(bully, out, seat)
  if (!best.hasAsked) {
    ask(bully, out, seat, best)
    return
  }
  const { contest } = seat
  const rest = restOf(bully, seat, out.now)
  if (contest === null) {
    if (rest === 'contested') seat.contest = delayed(best, out.now + patienceMs(bully))
    else if (rest === 'vacant') delay(bully, out, seat, best)
  } else if (rest === 'led' && (contest.phase === 'delayed' || contest.phase === 'clearing'))
    seat.contest = null
}

/** `led`: by somebody who is heard. `contested`: somebody who is heard has got votes, and may be winning at this moment. */
function restOf(bully: Bully, seat: Seat, now: number): 'led' | 'contested' | 'vacant' {
  const holder = holderOf(bully, seat)
  if (holder === null || isSilent(bully, holder.stand.of.session, now)) return 'vacant'
  return holder.epoch === seat.led?.epoch ? 'led' : 'contested'
}

function patienceMs(bully: Bully): number {
  return 2 * bully.options.heartbeatMs + bully.slot * bully.options.rankStepMs
}

/** Something that was asked for is late, or it is our turn. */
export function onDue(bully: Bully, out: Outbox, seat: Seat): void {
  const { contest } = seat
  if (contest === null || out.now < contest.dueAt) return
  const local = seat.local.get(contest.session)
  if (local === undefined) return
  contest.repeats += 1
  contest.dueAt = out.now + retryMs(bully)
  switch (contest.phase) {
    case 'delayed':
      ask(bully, out, seat, local)
      return
    case 'asking': {
      if (contest.repeats > 1 && restOf(bully, seat, out.now) === 'led') {
        seat.contest = null
        return
      }
      ask(bully, out, seat, local)
      return
    }
    case 'clearing':
      if (contest.repeats > 2 * repeatsMax) ask(bully, out, seat, local)
      else decide(bully, out, seat, contest, local)
      return
    case 'voting':
      if (contest.repeats > repeatsMax) fail(bully, out, seat, local)
      else sendVotes(bully, out, seat, contest, local)
      return
    default:
      contest.phase satisfies never
  }
}

function ask(bully: Bully, out: Outbox, seat: Seat, local: LocalStand): void {
  local.hasAsked = true
  seat.round += 1
  const { session } = local.stand.of
  const repeats =
    seat.contest?.session === session && seat.contest.phase === 'asking' ? seat.contest.repeats : 0
  seat.contest = {
    session,
    phase: 'asking',
    dueAt: out.now + retryMs(bully) * (1 + Math.min(repeats, 8)),
    round: seat.round,
    answers: new Map(),
    epoch: 0,
    votes: new Map(),
    repeats,
  }
  sendToAll(bully, out, { type: 'ask', election: seat.election, round: seat.round, stand: local.stand })
}

export function onAnswer(
  bully: Bully,
  out: Outbox,
  from: PeerId,
  message: Extract<BullyMessage, { type: 'answer' }>,
): void {
  const seat = bully.seats.get(message.election)
  if (seat === undefined) return
  learnView(bully, seat, message.view, out.now)
  if (message.better !== null) noteStand(bully, seat, message.better, out.now)
  const { contest } = seat
  const local = seat.local.get(message.session)
  if (contest?.session !== message.session || contest.round !== message.round || local === undefined) return
  if (contest.phase === 'delayed' || contest.phase === 'voting') return
  contest.answers.set(from, message)
  decide(bully, out, seat, contest, local)
}

/** A majority has answered: stand back, wait, ask for withdrawals, or ask for votes. */
export function decide(bully: Bully, out: Outbox, seat: Seat, contest: Contest, local: LocalStand): void {
  const { configuration } = bully.options
  const answered = new Map([...contest.answers.keys()].map((peer) => [peer, true]))
  if (voteResult(configuration, answered) !== 'won') return
  local.isAnswered = true
  const answers = [...contest.answers.values()]
  const blockers = blockersOf(bully, seat, answers, local)
  const other = blockers.find(({ stand }) => stand.exclusivity !== local.stand.exclusivity)
  if (other !== undefined) {
    refuse(bully, out, seat, local)
    return
  }
  // Those whom a majority hears cannot be replaced: whoever waits for them asks nobody until they fall silent here.
  if (blockers.some((ballot) => isHeardByMajority(bully, answers, ballot))) {
    await_(bully, out, seat, blockers)
    return
  }
  if (seat.yields < yieldsMax && majorityHearsBetter(seat, contest, answers)) {
    standBack(bully, out, seat, local)
    return
  }
  tellAhead(bully, out, seat)
  const alive = blockers.filter((ballot) => !mayBeReplaced(bully, answers, ballot))
  if (alive.length === 0) vote(bully, out, seat, contest, local)
  else clear(bully, out, contest, alive)
}

/** Votes that stand in the way of a majority, as told. */
function blockersOf(bully: Bully, seat: Seat, answers: readonly Answer[], local: LocalStand): Ballot[] {
  const blockers = new Map<string, Ballot>()
  for (const { view } of answers) {
    for (const held of view.held) {
      if (held.stand.of.session === local.stand.of.session || seemsOver(bully, seat, held)) continue
      blockers.set(`${held.epoch} ${held.stand.of.session}`, held)
    }
  }
  return [...blockers.values()]
}

function isHeardByMajority(bully: Bully, answers: readonly Answer[], ballot: Ballot): boolean {
  const hear = answers.filter(({ view }) => heldIn(view.held, ballot)?.isSilent === false).length
  // So many that the rest is no majority, even if all who did not answer were of the rest.
  return hear > bully.everybody.length - majoritySize(bully.everybody.length)
}

/** Token mode: a majority has evidence of its death, or did not vote for it. */
function mayBeReplaced(bully: Bully, answers: readonly Answer[], ballot: Ballot): boolean {
  if (ballot.stand.exclusivity !== 'token') return false
  const free = answers.filter(({ view }) => heldIn(view.held, ballot)?.isSilent !== false).length
  return free >= majoritySize(bully.everybody.length)
}

function heldIn(held: readonly Held[], { epoch, stand }: Ballot): Held | undefined {
  return held.find((one) => one.epoch === epoch && one.stand.of.session === stand.of.session)
}

/** Of those who answered: this peer may have started too late to hear who else stands. */
function majorityHearsBetter(seat: Seat, contest: Contest, answers: readonly Answer[]): boolean {
  const heard = new Map<string, number>()
  for (const { better } of answers) {
    if (better === null || better.of.session === contest.session || seat.local.has(better.of.session))
      continue
    heard.set(better.of.session, (heard.get(better.of.session) ?? 0) + 1)
  }
  return [...heard.values()].some((count) => count >= majoritySize(answers.length))
}

/** Withdrawals that are asked for once for all elections of the session; they are answered when the silence is long enough. */
function clear(bully: Bully, out: Outbox, contest: Contest, blockers: readonly Ballot[]): void {
  if (contest.phase !== 'clearing') {
    contest.phase = 'clearing'
    contest.repeats = 0
  }
  let leaseMs = 0
  for (const { stand } of blockers) {
    const { facts } = learn(bully, stand.of, out.now)
    leaseMs = Math.max(leaseMs, facts.leaseMs)
    if (out.now < (bully.clearing.get(facts.session) ?? -Infinity)) continue
    bully.clearing.set(facts.session, out.now + clearingMs(bully, facts.leaseMs))
    sendToAll(bully, out, { type: 'withdraw', of: facts })
  }
  contest.dueAt = out.now + clearingMs(bully, leaseMs)
}

function clearingMs(bully: Bully, leaseMs: number): number {
  return Math.max(2 * bully.options.heartbeatMs, leaseMs / 2)
}

function vote(bully: Bully, out: Outbox, seat: Seat, contest: Contest, local: LocalStand): void {
  contest.phase = 'voting'
  contest.epoch = seat.highest + 1
  contest.votes.clear()
  contest.repeats = 0
  contest.dueAt = out.now + retryMs(bully)
  seat.highest = contest.epoch
  sendVotes(bully, out, seat, contest, local)
}

function sendVotes(bully: Bully, out: Outbox, seat: Seat, contest: Contest, { stand }: LocalStand): void {
  const sessions = new Set(
    [...contest.answers.values()].flatMap(({ view }) => view.held.map((held) => held.stand.of.session)),
  )
  sessions.delete(stand.of.session)
  const withdrawn = [...sessions].slice(0, reasonsMax).flatMap((session) => {
    const epoch = bully.over.get(session)
    // One that was reopened since is not over: whoever knows that refuses the whole request.
    return epoch === undefined || epoch < epochOf(bully, session) ? [] : [{ session, epoch }]
  })
  const message: BullyMessage = {
    type: 'vote',
    election: seat.election,
    ballot: { epoch: contest.epoch, stand },
    won: seat.won,
    withdrawn,
    freed: [...seat.freed].map(([session, epoch]) => ({ session, epoch })),
  }
  for (const peer of bully.everybody) if (!contest.votes.has(peer)) send(bully, out, peer, message)
}

export function onVoteReply(
  bully: Bully,
  out: Outbox,
  from: PeerId,
  reply: Extract<BullyMessage, { type: 'vote-reply' }>,
): void {
  const seat = bully.seats.get(reply.election)
  if (seat === undefined) return
  learnView(bully, seat, reply.view, out.now)
  const { contest } = seat
  const local = seat.local.get(reply.session)
  if (contest?.phase !== 'voting' || contest.epoch !== reply.epoch || contest.session !== reply.session)
    return
  if (local === undefined) return
  // A newer leader was elected meanwhile: a token that is handed out now would be below the last one.
  if (contest.epoch <= seat.won) {
    fail(bully, out, seat, local)
    return
  }
  // By voter: an answer that comes twice is one vote.
  contest.votes.set(from, reply.granted)
  const result = voteResult(bully.options.configuration, contest.votes)
  if (result === 'won') win(bully, out, seat, contest, local)
  else if (result === 'lost') fail(bully, out, seat, local)
}

/** Whoever gives an attempt up says so: nothing of this epoch will ever be held. */
export function abandon(bully: Bully, out: Outbox, seat: Seat): void {
  const { contest } = seat
  seat.contest = null
  if (contest?.phase !== 'voting') return
  free(bully, out, seat, { session: contest.session, epoch: contest.epoch })
}

function fail(bully: Bully, out: Outbox, seat: Seat, local: LocalStand): void {
  abandon(bully, out, seat)
  seat.failures += 1
  const { rankStepMs } = bully.options
  // By place, so that no two who failed together meet again for ever.
  const waitMs = rankStepMs * (1 + bully.slot) * 2 ** Math.min(seat.failures, 4)
  seat.contest = delayed(local, out.now + waitMs)
}

/** Its turn comes by rank; at once if nobody known is better. */
function delay(bully: Bully, out: Outbox, seat: Seat, local: LocalStand): void {
  const { rankStepMs } = bully.options
  let ahead = betterThan(bully, seat, local.stand, out.now).length
  if (seat.heir !== null && out.now < seat.heir.until) {
    if (seat.heir.id === local.stand.of.id) ahead = 0
    else {
      seat.contest = delayed(local, seat.heir.until + ahead * rankStepMs)
      return
    }
  }
  seat.contest = delayed(local, out.now + ahead * rankStepMs)
  if (ahead === 0) ask(bully, out, seat, local)
}

/** A better one has asked, or a majority hears one: it gets the time that it needs. */
function standBack(bully: Bully, out: Outbox, seat: Seat, local: LocalStand): void {
  seat.yields += 1
  const { rankStepMs, bounds } = bully.options
  let until = out.now
  const holder = holderOf(bully, seat)
  if (holder !== null && holder.stand.exclusivity === 'time') {
    const { leaseMs } = holder.stand.of
    const heardAt = silentAt(bully, holder.stand.of.session, out.now) - 2.5 * bully.options.heartbeatMs
    until = Math.max(until, Math.min(heardAt, out.now) + grantorSilenceMs(leaseMs, bounds))
  }
  const ahead = Math.max(1, betterThan(bully, seat, local.stand, out.now).length)
  seat.contest = delayed(local, until + 2 * bully.options.heartbeatMs + ahead * rankStepMs)
}

/**
 * Somebody asks. If it is better than ours, ours waits for what comes of it; and if ours has asked already, this peer's own
 * answer is no longer that nobody is better.
 */
export function onRival(
  bully: Bully,
  out: Outbox,
  from: PeerId,
  { election, stand }: Extract<BullyMessage, { type: 'ask' }>,
): void {
  const seat = bully.seats.get(election)
  if (from === bully.self || seat?.contest == null || seat.yields >= yieldsMax) return
  const { contest } = seat
  const local = seat.local.get(contest.session)
  if (local === undefined || compareStands(bully, seat, stand, local.stand, out.now) <= 0) return
  const own = contest.answers.get(bully.self)
  if (contest.phase === 'delayed') standBack(bully, out, seat, local)
  else if (contest.phase === 'asking' && own !== undefined)
    contest.answers.set(bully.self, { ...own, better: stand })
}

function await_(bully: Bully, out: Outbox, seat: Seat, blockers: readonly Ballot[]): void {
  for (const { stand } of blockers) learn(bully, stand.of, out.now)
  const { contest } = seat
  if (contest === null) return
  const local = seat.local.get(contest.session)
  // If it is silent here already, or nobody has said that it won: look again later.
  const rests = local === undefined || restOf(bully, seat, out.now) === 'led'
  seat.contest = rests ? null : delayed(local, out.now + patienceMs(bully))
  if (local !== undefined) tellAhead(bully, out, seat)
}

function refuse(bully: Bully, out: Outbox, seat: Seat, local: LocalStand): void {
  const { session } = local.stand.of
  abandon(bully, out, seat)
  seat.local.delete(session)
  seat.standing.delete(session)
  tell(bully, out, session, { type: 'refused', election: seat.election, reason: 'exclusivity' })
  sendToAll(bully, out, { type: 'left', election: seat.election, session })
}

function delayed(local: LocalStand, dueAt: number): Contest {
  return {
    session: local.stand.of.session,
    phase: 'delayed',
    dueAt,
    round: 0,
    answers: new Map(),
    epoch: 0,
    votes: new Map(),
    repeats: 0,
  }
}

function retryMs(bully: Bully): number {
  return bully.options.heartbeatMs
}

export function bestLocal(bully: Bully, seat: Seat, now: number): LocalStand | null {
  let best: LocalStand | null = null
  for (const local of seat.local.values()) {
    if (local.granted !== null || bully.over.get(local.stand.of.session) === everyEpoch) continue
    if (best === null || compareStands(bully, seat, local.stand, best.stand, now) > 0) best = local
  }
  return best
}

/** How many come first, whoever leads among them; said only once a majority has answered. */
function tellAhead(bully: Bully, out: Outbox, seat: Seat): void {
  const led = restOf(bully, seat, out.now) === 'led' ? 1 : 0
  for (const local of seat.local.values()) {
    if (local.granted !== null || !local.isAnswered) continue
    const ahead = led + betterThan(bully, seat, local.stand, out.now).length
    if (ahead === local.ahead) continue
    local.ahead = ahead
    tell(bully, out, local.stand.of.session, { type: 'waiting', election: seat.election, ahead })
  }
}
