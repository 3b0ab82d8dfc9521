/** One step of one peer. */
import type { PeerId } from '../quorum/types.ts'
import type { SessionKey } from '../support/types.ts'
import { abandon, bestLocal, decide, onAnswer, onDue, onRival, onVoteReply, reconsider } from './contest.ts'
import {
  betterThan,
  endSession,
  holderOf,
  inTheWay,
  isInDoubt as isSilenceInDoubt,
  isSilent,
  silentAt,
} from './facts.ts'
import {
  challenge,
  challengeAt,
  onBack,
  onCampaign,
  onFreed,
  onLeave,
  onHeardAgain,
  onNoted,
  onProclaim,
  repeatNews,
} from './leading.ts'
import { earliest, put, takeDue } from './agenda.ts'
import { emptyOutbox, sealed, send, tell, type Outbox } from './outbox.ts'
import {
  onClose,
  onKeepalive,
  onLocalKeepalive,
  onOpen,
  onOpenAsked,
  onOpenNeeded,
  onOpenReply,
  onWithdraw,
  onWithdrawAnswer,
  repeatOpens,
  wakeSupport,
} from './sessions.ts'
import { checkMessage } from './message-shape.ts'
import { learn, seatOf, type Bully, type Seat } from './state.ts'
import type { BullyEffect, BullyInput, BullyMessage } from './types.ts'
import { answerAgain, onAsk, onLed, onVote } from './voting.ts'

/** Questions that wait for one poll phase; beyond it they are dropped, and asked again. */
const inDoubtMax = 20_000

/**
 * Changes `bully` in place and returns what to do, in order. `now` is `clock.lower()`, read after the input arrived.
 *
 * @throws PROTOCOL_ERROR for a message that no peer sends, before anything changed.
 */
export function step(bully: Bully, input: BullyInput, now: number): BullyEffect[] {
  const out = emptyOutbox(now)
  take(bully, out, input)
  for (let own = out.inbox.shift(); own !== undefined; own = out.inbox.shift())
    onMessage(bully, out, bully.self, own)
  for (const seat of bully.touched) schedule(bully, seat, now)
  bully.touched.clear()
  const at = nextWake(bully, now)
  if (at !== bully.wakeAt) {
    bully.wakeAt = at
    out.effects.push({ type: 'wake-at', at })
  }
  return sealed(bully, out)
}

function take(bully: Bully, out: Outbox, input: BullyInput): void {
  switch (input.type) {
    case 'message':
      if (!bully.others.includes(input.from)) return
      checkMessage(input.from, input.message)
      onContact(bully, out, input.from, input.incarnation)
      onMessage(bully, out, input.from, input.message)
      return
    case 'persisted':
      onPersisted(bully, out, input.sequence)
      return
    case 'wake':
      bully.wakeAt = null
      bully.polledAt = out.now
      onWake(bully, out)
      settleDoubts(bully, out)
      return
    case 'evidence':
      onEvidence(bully, out, input.peer, input.incarnation)
      return
    case 'contact':
      bully.suspects.delete(input.peer)
      bully.gone.delete(input.peer)
      onBack(bully, out, input.peer)
      return
    case 'open':
      onOpen(bully, out, input.of)
      return
    case 'keepalive':
      onLocalKeepalive(bully, out, input.keepalive)
      return
    case 'close':
      for (const seat of bully.seats.values()) {
        if (!seat.local.has(input.session)) continue
        bully.touched.add(seat)
        onLeave(bully, out, seat, input)
        reconsider(bully, out, seat)
      }
      onClose(bully, out, input.session)
      return
    case 'ended':
      endSession(bully, input.session, out.now)
      onOver(bully, out, input.session)
      return
    case 'campaign': {
      const seat = seatOf(bully, input.election)
      bully.touched.add(seat)
      onCampaign(bully, seat, input.stand, input.tag)
      reconsider(bully, out, seat)
      return
    }
    case 'leave': {
      const seat = seatOf(bully, input.election)
      bully.touched.add(seat)
      onLeave(bully, out, seat, input)
      reconsider(bully, out, seat)
      return
    }
    case 'proclaim':
      onProclaim(bully, out, seatOf(bully, input.election), input)
      return
    default:
      input satisfies never
  }
}

function onMessage(bully: Bully, out: Outbox, from: PeerId, message: BullyMessage): void {
  if (isInDoubt(bully, message, out.now)) {
    if (bully.inDoubt.length < inDoubtMax) bully.inDoubt.push({ from, message })
    return
  }
  handle(bully, out, from, message)
  const seat = 'election' in message ? bully.seats.get(message.election) : undefined
  if (seat !== undefined) bully.touched.add(seat)
}

/**
 * In token mode a vote counts on silence. After a stall the request may be read before the keepalives that came sooner: it
 * waits until one poll phase has passed (DESIGN §2). In time mode the withdrawals do.
 */
function isInDoubt(bully: Bully, message: BullyMessage, now: number): boolean {
  if (message.type !== 'vote' && message.type !== 'ask') return false
  const seat = bully.seats.get(message.election)
  if (seat === undefined) return false
  return inTheWay(seat).some(
    ({ stand: { exclusivity, of } }) => exclusivity === 'token' && isSilenceInDoubt(bully, of.session, now),
  )
}

function settleDoubts(bully: Bully, out: Outbox): void {
  const questions = bully.inDoubt
  bully.inDoubt = []
  for (const { from, message } of questions) onMessage(bully, out, from, message)
}

function handle(bully: Bully, out: Outbox, from: PeerId, message: BullyMessage): void {
  switch (message.type) {
    case 'keepalive':
      onKeepalive(bully, out, from, message)
      return
    case 'keepalive-ack':
    case 'keepalive-refusal':
      if (message.voter === from) tell(bully, out, message.session, { type: 'support', reply: message })
      return
    case 'withdraw-answer':
      if (onWithdrawAnswer(bully, from, message)) onOver(bully, out, message.session)
      return
    case 'withdraw':
      onWithdraw(bully, out, from, message.of)
      return
    case 'open':
      onOpenAsked(bully, out, from, message.of)
      return
    case 'open-reply':
      onOpenReply(bully, out, from, message)
      return
    case 'open-needed':
      onOpenNeeded(bully, out, from, message.session)
      return
    case 'reopened':
      learn(bully, message.of, out.now)
      return
    case 'closed':
      endSession(bully, message.session, out.now)
      onOver(bully, out, message.session)
      return
    case 'ask':
      onRival(bully, out, from, message)
      onAsk(bully, out, from, message)
      return
    case 'answer':
      onAnswer(bully, out, from, message)
      outdated(bully, out, message.election)
      return
    case 'vote':
      onVote(bully, out, from, message)
      outdated(bully, out, message.election)
      return
    case 'vote-reply':
      onVoteReply(bully, out, from, message)
      outdated(bully, out, message.election)
      return
    case 'led': {
      const seat = seatOf(bully, message.election)
      // Somebody else leads: what this peer had begun is over.
      if (onLed(bully, out, from, message)) abandon(bully, out, seat)
      outdated(bully, out, message.election)
      reconsider(bully, out, seat)
      return
    }
    case 'noted':
      onNoted(bully, out, from, message.note)
      return
    case 'freed': {
      const seat = seatOf(bully, message.election)
      send(bully, out, from, { type: 'noted', note: message.note })
      onFreed(bully, out, seat, message)
      outdated(bully, out, message.election)
      reconsider(bully, out, seat)
      return
    }
    case 'left':
      bully.seats.get(message.election)?.standing.delete(message.session)
      return
    default:
      message satisfies never
  }
}

/** Somebody else has led since: what this peer had begun before is over. */
function outdated(bully: Bully, out: Outbox, election: string): void {
  const seat = bully.seats.get(election)
  if (seat === undefined) return
  const { won, contest, leading } = seat
  if (leading !== null && leading.epoch < won) {
    // Token mode: it was believed dead. What it holds is only as good as its token from now on.
    seat.leading = null
    tell(bully, out, leading.session, { type: 'superseded', election, epoch: leading.epoch })
    reconsider(bully, out, seat)
  }
  if (contest?.phase !== 'voting' || contest.epoch > won) return
  abandon(bully, out, seat)
  reconsider(bully, out, seat)
}

function onPersisted(bully: Bully, out: Outbox, sequence: number): void {
  if (sequence <= bully.durable) return
  bully.durable = sequence
  for (const [voter, own] of bully.voterSequences) if (own <= sequence) bully.voterSequences.delete(voter)
  const free: BullyMessage[] = []
  for (const [after, messages] of bully.gated) {
    // In the order of the writes, but for what waits for one that was asked for again: it is on its way as well.
    if (after > sequence) break
    bully.gated.delete(after)
    free.push(...messages)
  }
  for (const message of free) onMessage(bully, out, bully.self, message)
}

/** A session is over: whoever waited for its elections goes on. */
function onOver(bully: Bully, out: Outbox, session: string): void {
  for (const seat of bully.seats.values()) {
    seat.standing.delete(session)
    bully.touched.add(seat)
    const held = [seat.vote?.ballot, seat.led].some((one) => one?.stand.of.session === session)
    const local = seat.contest === null ? undefined : seat.local.get(seat.contest.session)
    if (seat.contest?.phase === 'clearing' && local !== undefined)
      decide(bully, out, seat, seat.contest, local)
    else if (held) reconsider(bully, out, seat)
  }
}

function onEvidence(bully: Bully, out: Outbox, peer: PeerId, incarnation = Number.MAX_SAFE_INTEGER): void {
  if (!bully.others.includes(peer) || incarnation <= (bully.gone.get(peer) ?? 0)) return
  bully.suspects.add(peer)
  bully.gone.set(peer, incarnation)
  for (const seat of bully.seats.values()) {
    const host = holderOf(bully, seat)?.stand.of.host
    if (host?.peer !== peer || host.incarnation > incarnation) continue
    bully.touched.add(seat)
    // Answered first as a voter: who asked before may be the better one.
    answerAgain(bully, out, seat)
    reconsider(bully, out, seat)
  }
}

function onContact(bully: Bully, out: Outbox, peer: PeerId, incarnation = 0): void {
  // What was believed of the start that speaks is not so; of those before it, it still is.
  if ((bully.gone.get(peer) ?? 0) >= incarnation) bully.gone.set(peer, Math.max(0, incarnation - 1))
  const heardAt = bully.heardAt.get(peer) ?? out.now
  bully.heardAt.set(peer, out.now)
  if (bully.suspects.delete(peer)) onBack(bully, out, peer)
  else if (out.now - heardAt > 5 * bully.options.heartbeatMs) onHeardAgain(bully, out, peer)
}

function onWake(bully: Bully, out: Outbox): void {
  wakeSupport(bully, out)
  repeatOpens(bully, out)
  repeatNews(bully, out)
  for (const seat of takeDue(bully.seatsDue, out.now)) resume(bully, out, seat)
  for (const [session, seats] of bully.waiting)
    if (isSilent(bully, session, out.now)) for (const seat of [...seats]) resume(bully, out, seat)
  if (bully.options.preemptAfterMs != null)
    for (const seat of bully.seats.values()) if (seat.leading !== null) challenge(bully, out, seat)
}

function resume(bully: Bully, out: Outbox, seat: Seat): void {
  bully.touched.add(seat)
  onDue(bully, out, seat)
  reconsider(bully, out, seat)
}

/** Nothing here grows with the number of elections: a peer may have ten thousand, and steps with every message. */
function nextWake(bully: Bully, now: number): number | null {
  if (bully.inDoubt.length > 0) return now
  let at = Math.min(bully.voter.wakeAt ?? Infinity, earliest(bully.newsDue), earliest(bully.seatsDue))
  for (const { opening, dueAt } of bully.local.values()) if (opening !== null) at = Math.min(at, dueAt)
  for (const session of bully.waiting.keys())
    at = Math.min(at, isSilent(bully, session, now) ? now : silentAt(bully, session, now))
  if (bully.options.preemptAfterMs != null)
    for (const seat of bully.seats.values()) at = Math.min(at, challengeOf(bully, seat, now))
  return at === Infinity ? null : at
}

/** When this election goes on by itself, or for whose silence it waits. */
function schedule(bully: Bully, seat: Seat, now: number): void {
  const { contest, leading } = seat
  const waits = contest === null && leading === null && bestLocal(bully, seat, now) !== null
  const holder = waits ? holderOf(bully, seat) : null
  // Nobody is in the way any more, and nothing has come of it yet.
  put(bully.seatsDue, seat, contest?.dueAt ?? (waits && holder === null ? now : Infinity))
  waitFor(bully, seat, holder?.stand.of.session ?? null)
}

function waitFor(bully: Bully, seat: Seat, session: SessionKey | null): void {
  if (seat.waitsFor === session) return
  const { waiting } = bully
  if (seat.waitsFor !== null) {
    const before = waiting.get(seat.waitsFor)
    before?.delete(seat)
    if (before?.size === 0) waiting.delete(seat.waitsFor)
  }
  seat.waitsFor = session
  if (session !== null) waiting.set(session, (waiting.get(session) ?? new Set()).add(seat))
}

function challengeOf(bully: Bully, seat: Seat, now: number): number {
  const { leading } = seat
  const local = leading === null ? undefined : seat.local.get(leading.session)
  if (leading === null || local === undefined) return Infinity
  const [best] = betterThan(bully, seat, local.stand, now)
  return best === undefined || best.of.session === leading.challengedBy
    ? Infinity
    : challengeAt(bully, best.of.session)
}
