/**
 * The proposer of PaxosLease (docs/paxos.md), one in each session. It stands for any number of instances, and one stream
 * of keepalives carries all that it holds: an acceptor's acknowledgement counts only while that acceptor has accepted
 * everything the session holds, which the acceptor's digest (`Tie`) shows without naming any of it.
 */
import type { PeerId } from '../../quorum/types.ts'
import { sent } from '../../support/holder.ts'
import { giveUp, loseAll, sought } from './leaving.ts'
import { free, heldByOther, rejected, superseded } from './refusals.ts'
import { released } from './releases.ts'
import { acknowledgedBy, repeatedAtOnce } from './repair.ts'
import { ageRound, beginRound, overdue, promised, proposeOf, refused, repeatRound } from './rounds.ts'
import { send } from './sending.ts'
import { createProposer, type Campaign, type Proposer, type ProposerEffect } from './state.ts'
import { isTied } from './support.ts'
import { acceptedBy } from './winning.ts'
import type { Exclusivity, Instance, Metadata, PaxosReply } from '../types.ts'

export { createProposer, type Proposer, type ProposerEffect }

/**
 * Whoever led, left and stands again is the first to know that the place is free: for so many beats after it left it begins
 * so many steps late.
 */
const yieldingBeats = 2
const yieldedSteps = 3

export interface Moment {
  /** `clock.lower()` */
  readonly now: number
  /** The deadline of what is held has passed. */
  readonly lapsed: boolean
}

export interface CampaignRequest {
  readonly instance: Instance
  readonly exclusivity: Exclusivity
  readonly priority: number
  readonly metadata: Metadata
}

/** Stands for an instance. Once a keepalive was sent; at most once at a time. */
export function campaign<I>(proposer: Proposer<I>, request: CampaignRequest, now: number): ProposerEffect[] {
  const effects: ProposerEffect[] = []
  proposer.now = now
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
    roundTripMs: 0,
    askedAt: now,
  }
  const before = proposer.campaigns.get(request.instance)
  if (before !== undefined) giveUp(proposer, before, null, effects)
  proposer.campaigns.set(request.instance, made)
  const { stepMs } = proposer.options
  const minMs = yieldedSteps * stepMs
  if (proposer.yielding.has(request.instance))
    effects.push({ type: 'arm', instance: request.instance, minMs, maxMs: minMs + stepMs })
  else beginRound(proposer, made, effects)
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
  if (standing === undefined) return effects
  if (standing.phase === 'held') proposer.yielding.set(instance, yieldingBeats)
  giveUp(proposer, standing, to, effects)
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

/**
 * All that is held is over once its deadline has passed, before anything else is done or read: others may have led since,
 * and a higher ballot that gets in now would revive a token below theirs.
 */
function passed<I>(proposer: Proposer<I>, { now, lapsed }: Moment, effects: ProposerEffect[]): void {
  proposer.now = now
  if (lapsed && proposer.held > 0) loseAll(proposer, effects)
}

/** The timer of an instance fired. */
export function wake<I>(proposer: Proposer<I>, instance: Instance, moment: Moment): ProposerEffect[] {
  const effects: ProposerEffect[] = []
  passed(proposer, moment, effects)
  const { now } = moment
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

/** Once a heartbeat. `instant` was read before. */
export function beat<I>(
  proposer: Proposer<I>,
  { instant, ...moment }: Moment & { readonly instant: I },
): ProposerEffect[] {
  const effects: ProposerEffect[] = []
  passed(proposer, moment, effects)
  const { now } = moment
  for (const [instance, beats] of proposer.yielding) {
    if (beats > 1) proposer.yielding.set(instance, beats - 1)
    else proposer.yielding.delete(instance)
  }
  if (isQuiet(proposer, now) || !speaks(proposer, now)) return effects
  const sequence = proposer.holder.lastSequence + 1
  sent(proposer.holder, sequence, instant)
  send(effects, null, { type: 'keepalive', sequence, leaseMs: proposer.options.leaseMs })
  let room = repeatedAtOnce
  for (const standing of proposer.campaigns.values()) {
    if (standing.round === null) continue
    ageRound(proposer, standing, effects)
    // What is held is proposed again by `repair`; but an acceptor that has it may have lost the question that comes before.
    if (standing.phase === 'held' && standing.round?.stage !== 'prepare') continue
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

/** An acceptor's answer or news. */
export function received<I>(
  proposer: Proposer<I>,
  from: PeerId,
  reply: PaxosReply,
  moment: Moment,
): ProposerEffect[] {
  const effects: ProposerEffect[] = []
  passed(proposer, moment, effects)
  const { now } = moment
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
    case 'superseded':
      superseded(proposer, reply, effects)
      break
    case 'unsure': {
      const standing = proposer.campaigns.get(reply.instance)
      if (standing !== undefined) refused(proposer, standing, from, { ...reply, is: 'unsure' }, effects)
      break
    }
    case 'held':
      heldByOther(proposer, from, reply, effects)
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
