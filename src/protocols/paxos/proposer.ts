/**
 * The proposer of PaxosLease (docs/paxos.md), one in each session. It stands for any number of instances, and one stream
 * of keepalives carries all that it holds: an acceptor's acknowledgement counts only while that acceptor has accepted
 * everything the session holds, which the acceptor's digest (`Tie`) shows without naming any of it.
 */
import { voters, voteResult } from '../quorum/majority.ts'
import type { PeerId } from '../quorum/types.ts'
import { acknowledged, sent } from '../support/holder.ts'
import {
  createProposer,
  type AcceptorView,
  type Campaign,
  type Leaving,
  type Proposer,
  type ProposerEffect,
} from './proposer-state.ts'
import {
  ageRound,
  beginRound,
  isWon,
  overdue,
  promised,
  proposeOf,
  refused,
  repeatRound,
  send,
} from './rounds.ts'
import type { Exclusivity, Instance, Metadata, PaxosReply, Tie } from './types.ts'

export { createProposer, type Proposer, type ProposerEffect }

/** Repetitions to one acceptor at a time: the rest goes with its next acknowledgement. */
const repeatedAtOnce = 512

export interface CampaignRequest {
  readonly instance: Instance
  readonly exclusivity: Exclusivity
  readonly priority: number
  readonly metadata: Metadata
}

/** Stands for an instance. Once a keepalive was sent; at most once at a time. */
export function campaign<I>(proposer: Proposer<I>, request: CampaignRequest, now: number): ProposerEffect[] {
  const effects: ProposerEffect[] = []
  const made: Campaign = {
    ...request,
    revision: 0,
    phase: 'waiting',
    token: 0,
    ballot: 0,
    highest: 0,
    round: null,
    accepted: new Map(),
    blockedBy: new Set(),
    tries: 0,
    askedAt: now,
  }
  const before = proposer.campaigns.get(request.instance)
  if (before !== undefined) giveUp(proposer, before, null, effects)
  proposer.campaigns.set(request.instance, made)
  beginRound(proposer, made, effects)
  return effects
}

/** Gives it up, held or not; `to`: in favour of that candidate. `left` follows. Whoever leads by it has stopped. */
export function leave<I>(
  proposer: Proposer<I>,
  instance: Instance,
  to: string | null = null,
): ProposerEffect[] {
  const effects: ProposerEffect[] = []
  const standing = proposer.campaigns.get(instance)
  if (standing !== undefined) giveUp(proposer, standing, to, effects)
  return effects
}

/** Asks whether `to` waits; `sought` follows. */
export function seek<I>(proposer: Proposer<I>, instance: Instance, to: string): ProposerEffect[] {
  const effects: ProposerEffect[] = []
  proposer.seeking.set(instance, { to, absent: new Map() })
  send(effects, null, { type: 'seek', instance, to })
  return effects
}

/** Changes what is known of the owner; `proclaimed` follows. The revision that stands for it, or null if not held. */
export function proclaim<I>(
  proposer: Proposer<I>,
  instance: Instance,
  metadata: Metadata,
): { readonly revision: number; readonly effects: ProposerEffect[] } | null {
  const standing = proposer.campaigns.get(instance)
  if (standing?.phase !== 'held') return null
  const effects: ProposerEffect[] = []
  standing.metadata = metadata
  standing.revision += 1
  proposer.dirty.add(standing)
  send(effects, null, proposeOf(proposer, standing))
  return { revision: standing.revision, effects }
}

/** The timer of an instance fired. */
export function wake<I>(proposer: Proposer<I>, instance: Instance, now: number): ProposerEffect[] {
  const effects: ProposerEffect[] = []
  const standing = proposer.campaigns.get(instance)
  if (standing === undefined) return effects
  if (standing.round !== null) {
    if (!isQuiet(proposer, now)) overdue(proposer, standing, effects)
    return effects
  }
  // What is held is repaired when an acceptor is heard that has it not.
  if (standing.phase === 'held') return effects
  const { heartbeatMs } = proposer.options
  if (isQuiet(proposer, now))
    effects.push({ type: 'arm', instance, minMs: heartbeatMs, maxMs: 2 * heartbeatMs })
  else beginRound(proposer, standing, effects)
  return effects
}

/**
 * Once a heartbeat. `instant` was read before; `lapsed`: the deadline of what is held has passed, so all of it is over.
 */
export function beat<I>(
  proposer: Proposer<I>,
  { instant, lapsed, now }: { readonly instant: I; readonly lapsed: boolean; readonly now: number },
): ProposerEffect[] {
  const effects: ProposerEffect[] = []
  if (lapsed) loseAll(proposer, effects)
  if (isQuiet(proposer, now) || !speaks(proposer, now)) return effects
  const sequence = proposer.holder.lastSequence + 1
  sent(proposer.holder, sequence, instant)
  send(effects, null, { type: 'keepalive', sequence, leaseMs: proposer.options.leaseMs })
  let room = repeatedAtOnce
  for (const standing of proposer.campaigns.values()) {
    if (standing.round === null) continue
    ageRound(proposer, standing, effects)
    if (standing.phase === 'held') continue
    repeatRound(proposer, standing, effects)
    if (--room === 0) break
  }
  for (const [instance, { to }] of proposer.seeking) send(effects, null, { type: 'seek', instance, to })
  return effects
}

/**
 * Whoever hears no majority for a lease leads nothing; with keepalives that all acceptors hear it would keep that from
 * everybody else for ever. So it falls silent until it has run out, and tries again.
 */
function speaks<I>(proposer: Proposer<I>, now: number): boolean {
  const { patience, quietMs } = proposer.options
  if (proposer.unanswered <= patience) {
    proposer.unanswered += 1
    return true
  }
  proposer.unanswered = 0
  proposer.quietUntil = now + quietMs
  return false
}

function isQuiet<I>(proposer: Proposer<I>, now: number): boolean {
  return now < proposer.quietUntil
}

function loseAll<I>(proposer: Proposer<I>, effects: ProposerEffect[]): void {
  for (const standing of [...proposer.campaigns.values()])
    if (standing.phase === 'held' && standing.instance.startsWith('e:'))
      lose(proposer, standing, 'expired', effects)
}

function lose<I>(
  proposer: Proposer<I>,
  standing: Campaign,
  reason: 'expired' | 'superseded',
  effects: ProposerEffect[],
): void {
  effects.push({ type: 'lost', instance: standing.instance, reason })
  giveUp(proposer, standing, null, effects)
}

function giveUp<I>(
  proposer: Proposer<I>,
  standing: Campaign,
  to: string | null,
  effects: ProposerEffect[],
): void {
  const { instance, highest: ballot } = standing
  const owned = standing.phase === 'held'
  if (owned) {
    proposer.held -= 1
    for (const [peer, view] of proposer.acceptors) if (!standing.accepted.has(peer)) view.missing -= 1
  }
  proposer.campaigns.delete(instance)
  proposer.proposing.delete(standing)
  proposer.dirty.delete(standing)
  proposer.seeking.delete(instance)
  const open = new Set(voters(proposer.options.configuration))
  proposer.leaving.set(`${ballot} ${instance}`, { instance, ballot, to, owned, open, answered: false })
  effects.push({ type: 'disarm', instance })
  send(effects, null, { type: 'release', instance, ballot, to, stays: false })
}

/** An acceptor's answer or news. */
export function received<I>(
  proposer: Proposer<I>,
  from: PeerId,
  reply: PaxosReply,
  now: number,
): ProposerEffect[] {
  const effects: ProposerEffect[] = []
  if ('tie' in reply && !isTied(proposer, from, reply, effects)) return effects
  switch (reply.type) {
    case 'keepalive-ack':
      acknowledgedBy(proposer, from, reply, effects)
      break
    case 'accepted':
      acceptedBy(proposer, from, reply, effects)
      break
    case 'promise': {
      const standing = proposer.campaigns.get(reply.instance)
      if (standing !== undefined && !isQuiet(proposer, now))
        promised(proposer, standing, from, reply.ballot, effects)
      break
    }
    case 'rejected':
      rejected(proposer, from, reply, effects)
      break
    case 'unsure': {
      const standing = proposer.campaigns.get(reply.instance)
      if (standing !== undefined) refused(proposer, standing, from, { ...reply, is: 'unsure' }, effects)
      break
    }
    case 'held':
      heldByOther(proposer, from, reply, now, effects)
      break
    case 'free':
      free(proposer, from, reply, effects)
      break
    case 'released':
      released(proposer, from, reply, effects)
      break
    case 'sought':
      sought(proposer, from, reply, effects)
      break
    case 'state':
    case 'closed':
      // For observers, and for who closes the session.
      break
    default:
      reply satisfies never
  }
  return effects
}

// ---- support --------------------------------------------------------------------------------------------------------

/** False for what an acceptor said under an earlier tie: it no longer stands for what is held. */
function isTied<I>(
  proposer: Proposer<I>,
  from: PeerId,
  { life, tie }: Tie,
  effects: ProposerEffect[],
): boolean {
  const view = proposer.acceptors.get(from)
  if (view !== undefined && (life < view.life || (life === view.life && tie < view.tie))) return false
  if (view?.life === life && view.tie === tie) return true
  proposer.acceptors.set(from, {
    life,
    tie,
    news: 0,
    acknowledged: view?.acknowledged ?? 0,
    missing: proposer.held,
  })
  for (const standing of proposer.campaigns.values()) {
    standing.accepted.delete(from)
    // It may have lost its place in line too.
    if (view !== undefined && standing.phase === 'waiting') beginRound(proposer, standing, effects)
  }
  return true
}

function acknowledgedBy<I>(
  proposer: Proposer<I>,
  from: PeerId,
  { sequence, told }: Extract<PaxosReply, { type: 'keepalive-ack' }>,
  effects: ProposerEffect[],
): void {
  const view = proposer.acceptors.get(from)
  if (view === undefined || sequence > proposer.holder.lastSequence) return
  supports(proposer, from, view, sequence, effects)
  for (const standing of [...proposer.proposing]) winIfDue(proposer, standing, effects)
  // Not `>`: news that overtakes an acknowledgement costs a needless question, never a missed one.
  if (told !== view.news) {
    view.news = told
    for (const standing of proposer.campaigns.values()) {
      if (standing.phase === 'waiting') beginRound(proposer, standing, effects)
      else askAgain(proposer, standing, from, effects)
    }
  }
  repair(proposer, from, view, effects)
}

/** Only an acceptor that has everything which is held moves the deadline of everything. */
function supports<I>(
  proposer: Proposer<I>,
  from: PeerId,
  view: AcceptorView,
  sequence: number,
  effects: ProposerEffect[],
): void {
  view.acknowledged = Math.max(view.acknowledged, sequence)
  if (view.missing > 0) return
  const ack = { voter: from, voterIncarnation: view.life, epoch: 1, sequence: view.acknowledged }
  if (!acknowledged(proposer.holder, ack)) return
  proposer.unanswered = 0
  proposer.quietUntil = -Infinity
  effects.push({ type: 'renewed' })
}

/** It listens: what it has not yet is proposed again, and what it may still have is released again. */
function repair<I>(proposer: Proposer<I>, from: PeerId, view: AcceptorView, effects: ProposerEffect[]): void {
  let room = repeatedAtOnce
  if (view.missing > 0) {
    for (const standing of proposer.campaigns.values()) {
      if (standing.phase !== 'held' || standing.accepted.has(from)) continue
      if (standing.round === null) send(effects, from, proposeOf(proposer, standing))
      else repeatRound(proposer, standing, effects, from)
      if (--room === 0) return
    }
  }
  for (const standing of proposer.dirty)
    if ((standing.accepted.get(from) ?? 0) < standing.revision)
      send(effects, from, proposeOf(proposer, standing))
  for (const { instance, ballot, to, open } of proposer.leaving.values()) {
    if (!open.has(from)) continue
    send(effects, from, { type: 'release', instance, ballot, to, stays: false })
    if (--room === 0) return
  }
}

function acceptedBy<I>(
  proposer: Proposer<I>,
  from: PeerId,
  { instance, ballot, revision, sequence }: Extract<PaxosReply, { type: 'accepted' }>,
  effects: ProposerEffect[],
): void {
  const standing = proposer.campaigns.get(instance)
  const view = proposer.acceptors.get(from)
  if (standing === undefined || view === undefined) return
  // Of an earlier acquisition, or of an attempt that was given up.
  if (standing.token === 0 || ballot < standing.token || ballot > standing.ballot) return
  const before = standing.accepted.get(from)
  standing.accepted.set(from, Math.max(before ?? 0, revision))
  standing.blockedBy.delete(from)
  if (before === undefined && standing.phase === 'held') view.missing -= 1
  if (standing.phase === 'held') {
    concludeRound(proposer, standing)
    proclaimedIfDue(proposer, standing, before ?? -1, revision, effects)
  }
  if (sequence <= proposer.holder.lastSequence) supports(proposer, from, view, sequence, effects)
  winIfDue(proposer, standing, effects)
}

/** Further repetitions are `repair`'s. */
function concludeRound<I>({ options }: Proposer<I>, standing: Campaign): void {
  if (standing.round?.stage !== 'propose') return
  const votes = new Map([...standing.accepted.keys()].map((peer) => [peer, true]))
  if (voteResult(options.configuration, votes) === 'won') {
    standing.round = null
    standing.tries = 0
  }
}

function winIfDue<I>(proposer: Proposer<I>, standing: Campaign, effects: ProposerEffect[]): void {
  if (!proposer.proposing.has(standing) || !isWon(proposer, standing)) return
  proposer.proposing.delete(standing)
  standing.phase = 'held'
  standing.round = null
  standing.tries = 0
  proposer.held += 1
  for (const [peer, view] of proposer.acceptors) if (!standing.accepted.has(peer)) view.missing += 1
  effects.push({ type: 'disarm', instance: standing.instance })
  effects.push({ type: 'won', instance: standing.instance, token: standing.token })
}

function proclaimedIfDue<I>(
  proposer: Proposer<I>,
  standing: Campaign,
  before: number,
  revision: number,
  effects: ProposerEffect[],
): void {
  if (revision <= before || revision < standing.revision) return
  const has = new Map(
    [...standing.accepted].flatMap(([peer, at]) => (at >= standing.revision ? [[peer, true]] : [])),
  )
  const { configuration } = proposer.options
  if (voteResult(configuration, has) === 'won')
    effects.push({ type: 'proclaimed', instance: standing.instance, revision: standing.revision })
  if (voters(configuration).every((peer) => has.has(peer))) proposer.dirty.delete(standing)
}

// ---- refusals and news ----------------------------------------------------------------------------------------------

function rejected<I>(
  proposer: Proposer<I>,
  from: PeerId,
  reply: Extract<PaxosReply, { type: 'rejected' }>,
  effects: ProposerEffect[],
): void {
  const standing = proposer.campaigns.get(reply.instance)
  if (standing === undefined) return
  proposer.top = Math.max(proposer.top, reply.promised)
  if (standing.round !== null) refused(proposer, standing, from, { ...reply, is: 'rejected' }, effects)
  // Held, and proposed again to an acceptor that promised a higher ballot or restarted: only a higher one gets in.
  else if (standing.phase === 'held' && reply.ballot === standing.ballot && !standing.accepted.has(from))
    beginRound(proposer, standing, effects)
}

function heldByOther<I>(
  proposer: Proposer<I>,
  from: PeerId,
  reply: Extract<PaxosReply, { type: 'held' }>,
  now: number,
  effects: ProposerEffect[],
): void {
  const { instance, ballot, by, silentMs, ahead } = reply
  const standing = proposer.campaigns.get(instance)
  if (standing?.round?.ballot !== ballot || standing.round.promised.has(from)) return
  proposer.top = Math.max(proposer.top, by.token)
  if (standing.phase === 'held') {
    standing.blockedBy.add(from)
    const noes = new Map([...standing.blockedBy].map((peer) => [peer, false]))
    if (voteResult(proposer.options.configuration, noes) === 'lost') {
      lose(proposer, standing, 'superseded', effects)
      return
    }
  } else if (by.exclusivity !== standing.exclusivity) {
    effects.push({ type: 'refused', instance, exclusivity: by.exclusivity })
    giveUp(proposer, standing, null, effects)
    return
  } else if (instance.startsWith('i:')) {
    // Heard since this session asked: its process lives. Half a heartbeat is for the way of the answer.
    if (silentMs + proposer.options.heartbeatMs / 2 < now - standing.askedAt) {
      effects.push({ type: 'duplicate', instance, silentMs })
      giveUp(proposer, standing, null, effects)
      return
    }
  }
  refused(proposer, standing, from, { ballot, is: 'held', ahead }, effects)
}

function free<I>(
  proposer: Proposer<I>,
  from: PeerId,
  { instance, rank }: Extract<PaxosReply, { type: 'free' }>,
  effects: ProposerEffect[],
): void {
  const view = proposer.acceptors.get(from)
  if (view !== undefined) view.news += 1
  const standing = proposer.campaigns.get(instance)
  if (standing === undefined || standing.phase === 'held') return
  if (standing.round !== null) {
    askAgain(proposer, standing, from, effects)
    return
  }
  standing.tries = 0
  const { stepMs } = proposer.options
  if (rank === 0) beginRound(proposer, standing, effects)
  else effects.push({ type: 'arm', instance, minMs: rank * stepMs, maxMs: (rank + 0.5) * stepMs })
}

/** What it refused may be granted now. */
function askAgain<I>(
  proposer: Proposer<I>,
  standing: Campaign,
  from: PeerId,
  effects: ProposerEffect[],
): void {
  if (standing.round?.stage === 'prepare' && standing.round.refused.delete(from))
    repeatRound(proposer, standing, effects, from)
}

function released<I>(
  proposer: Proposer<I>,
  from: PeerId,
  { instance, ballot }: Extract<PaxosReply, { type: 'released' }>,
  effects: ProposerEffect[],
): void {
  const key = `${ballot} ${instance}`
  const leaving: Leaving | undefined = proposer.leaving.get(key)
  if (leaving === undefined) return
  leaving.open.delete(from)
  const done = new Map<PeerId, boolean>()
  for (const peer of voters(proposer.options.configuration)) if (!leaving.open.has(peer)) done.set(peer, true)
  if (!leaving.answered && voteResult(proposer.options.configuration, done) === 'won') {
    leaving.answered = true
    effects.push({ type: 'left', instance, ballot, owned: leaving.owned })
  }
  if (leaving.open.size === 0) proposer.leaving.delete(key)
}

function sought<I>(
  proposer: Proposer<I>,
  from: PeerId,
  { instance, to, waits }: Extract<PaxosReply, { type: 'sought' }>,
  effects: ProposerEffect[],
): void {
  const seeking = proposer.seeking.get(instance)
  if (seeking?.to !== to) return
  seeking.absent.set(from, false)
  const isNowhere = voteResult(proposer.options.configuration, seeking.absent) === 'lost'
  if (!waits && !isNowhere) return
  proposer.seeking.delete(instance)
  effects.push({ type: 'sought', instance, to, waits })
}
