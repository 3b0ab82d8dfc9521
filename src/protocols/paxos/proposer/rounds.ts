/** How a proposer gets a ballot accepted: rounds of two phases, and what follows when one fails. */
import { voters, voteResult } from '../../quorum/majority.ts'
import type { PeerId } from '../../quorum/types.ts'
import { release } from './releases.ts'
import { send } from './sending.ts'
import type { Campaign, Proposer, ProposerEffect, Refusal, Round } from './state.ts'
import type { PaxosRequest } from '../types.ts'

/** Heartbeats. */
const roundPatience = 3

type Effects = ProposerEffect[]

export function beginRound<I>(proposer: Proposer<I>, campaign: Campaign, effects: Effects): void {
  const ballot = (proposer.top += 1)
  campaign.highest = ballot
  campaign.round = {
    ballot,
    begunAt: proposer.now,
    stage: 'prepare',
    promised: new Set(),
    refused: new Map(),
    waitMs: 0,
    ahead: 0,
    age: 0,
    answeredAt: proposer.now,
  }
  campaign.blockedBy.clear()
  if (campaign.phase === 'waiting') {
    campaign.phase = 'contending'
    effects.push({ type: 'disarm', instance: campaign.instance })
  }
  send(effects, null, prepareOf(proposer, campaign, ballot))
}

function prepareOf<I>({ options }: Proposer<I>, campaign: Campaign, ballot: number): PaxosRequest {
  const { id, leaseMs } = options
  const { instance, exclusivity, priority } = campaign
  return { type: 'prepare', instance, ballot, id, leaseMs, exclusivity, priority }
}

export function proposeOf<I>({ options, holder }: Proposer<I>, campaign: Campaign): PaxosRequest {
  const { session, id, leaseMs } = options
  const { instance, exclusivity, token, metadata, revision, ballot } = campaign
  return {
    type: 'propose',
    instance,
    ballot,
    owner: { session, id, leaseMs, exclusivity, token, metadata, revision },
    // Not a number of its own: its instant was taken before, so it is as good, and a burst of proposals outruns no answer.
    sequence: holder.lastSequence,
  }
}

/**
 * A heartbeat has passed. Two attempts may stand in each other's way while a third acceptor that would decide is dead: one
 * that was refused by anybody does not wait for ever.
 */
export function ageRound<I>(proposer: Proposer<I>, campaign: Campaign, effects: Effects): void {
  const { round } = campaign
  if (round === null) return
  round.age += 1
  if (round.age > roundPatience && round.refused.size > 0) failed(proposer, campaign, round, effects)
}

/** Asks again whoever did not answer; `only`: that one, whatever it answered. */
export function repeatRound<I>(
  proposer: Proposer<I>,
  campaign: Campaign,
  effects: Effects,
  only?: PeerId,
): void {
  const { round } = campaign
  if (round === null) return
  for (const peer of only === undefined ? voters(proposer.options.configuration) : [only]) {
    if (round.refused.has(peer)) continue
    if (round.stage === 'prepare') {
      if (!round.promised.has(peer)) send(effects, peer, prepareOf(proposer, campaign, round.ballot))
    } else if (!campaign.accepted.has(peer)) send(effects, peer, proposeOf(proposer, campaign))
  }
}

export function promised<I>(
  proposer: Proposer<I>,
  campaign: Campaign,
  from: PeerId,
  ballot: number,
  effects: Effects,
): void {
  const { round } = campaign
  if (round === null || round.ballot !== ballot || round.stage !== 'prepare') return
  // G3: by acceptor, so that a duplicate counts nothing.
  round.promised.add(from)
  round.answeredAt = proposer.now
  round.refused.delete(from)
  const { configuration } = proposer.options
  if (voteResult(configuration, votesOf(round.promised)) !== 'won') return
  round.stage = 'propose'
  round.refused.clear()
  if (campaign.phase === 'contending') {
    campaign.token = ballot
    proposer.proposing.add(campaign)
  }
  campaign.ballot = ballot
  send(effects, null, proposeOf(proposer, campaign))
}

function votesOf(peers: Iterable<PeerId>): Map<PeerId, boolean> {
  return new Map([...peers].map((peer) => [peer, true]))
}

export function refused<I>(
  proposer: Proposer<I>,
  campaign: Campaign,
  from: PeerId,
  refusal: {
    readonly ballot: number
    readonly is: Refusal
    readonly waitMs?: number
    readonly ahead?: number
  },
  effects: Effects,
): void {
  const { round } = campaign
  if (round === null || round.ballot !== refusal.ballot) return
  // A promise that was counted stands; what comes after it is a duplicate's answer.
  if (round.stage === 'prepare' ? round.promised.has(from) : campaign.accepted.has(from)) return
  round.refused.set(from, refusal.is)
  if (round.stage === 'prepare') round.answeredAt = proposer.now
  round.waitMs = Math.max(round.waitMs, refusal.waitMs ?? 0)
  round.ahead = Math.max(round.ahead, refusal.ahead ?? 0)
  const noes = new Map([...round.refused.keys()].map((peer) => [peer, false]))
  if (voteResult(proposer.options.configuration, noes) === 'lost') failed(proposer, campaign, round, effects)
  else if (refusal.is === 'rejected') {
    // A majority is still possible, but the acceptor that would decide may be dead: it gets a moment, not more.
    const momentMs = Math.max(proposer.options.stepMs, round.answeredAt - round.begunAt)
    effects.push({ type: 'arm', instance: campaign.instance, minMs: momentMs / 2, maxMs: 1.5 * momentMs })
  }
}

/** A round that somebody rejected has had its moment: the next one has a higher ballot. */
export function overdue<I>(proposer: Proposer<I>, campaign: Campaign, effects: Effects): void {
  const { round } = campaign
  if (round === null || ![...round.refused.values()].includes('rejected')) return
  if (campaign.phase !== 'held') {
    // The moment was drawn at random, too: the first time that is distance enough.
    if (campaign.tries > 0) return failed(proposer, campaign, round, effects)
    if (round.stage === 'propose') giveBack(proposer, campaign, round, effects)
    campaign.phase = 'waiting'
    campaign.tries = 1
  }
  beginRound(proposer, campaign, effects)
}

/**
 * How long whoever is next in rank leaves to whoever goes first: a round takes two round trips, and its news a half.
 */
export function stepOf<I>({ options }: Proposer<I>, { roundTripMs }: Campaign): number {
  return Math.max(options.stepMs, 3 * roundTripMs)
}

function failed<I>(proposer: Proposer<I>, campaign: Campaign, round: Round, effects: Effects): void {
  campaign.round = null
  // What is held is proposed again whenever an acceptor is heard that has it not.
  if (campaign.phase === 'held') return
  // What a few accepted would stand in everybody's way for as long as this session lives.
  if (round.stage === 'propose') giveBack(proposer, campaign, round, effects)
  campaign.phase = 'waiting'
  const { instance } = campaign
  const { stepMs, heartbeatMs } = proposer.options
  const reasons = [...round.refused.values()]
  campaign.roundTripMs = Math.min(round.answeredAt - round.begunAt, heartbeatMs * roundPatience)
  campaign.tries = reasons.includes('rejected') ? campaign.tries + 1 : 0
  // Not sooner: by now so many have it in line that whoever asks a majority for it finds it.
  if (reasons.includes('held')) effects.push({ type: 'waiting', instance, ahead: round.ahead })
  if (campaign.tries > 0) {
    // G10: duelling proposers find different times, so far apart that the first of them is through.
    const step = stepOf(proposer, campaign)
    const spread = Math.min(step * 2 ** (campaign.tries - 1), Math.max(64 * stepMs, 4 * step))
    effects.push({ type: 'arm', instance, minMs: 0, maxMs: spread })
  } else if (reasons.includes('unsure')) {
    effects.push({ type: 'arm', instance, minMs: round.waitMs, maxMs: round.waitMs + stepMs })
  } else if (instance.startsWith('i:')) {
    // Whether its owner is heard or not, is to be known soon.
    effects.push({ type: 'arm', instance, minMs: heartbeatMs / 2, maxMs: heartbeatMs })
  }
}

function giveBack<I>(proposer: Proposer<I>, campaign: Campaign, { ballot }: Round, effects: Effects): void {
  const { instance, accepted } = campaign
  proposer.proposing.delete(campaign)
  accepted.clear()
  campaign.token = 0
  release(proposer, { instance, ballot, to: null, owned: false, stays: true }, effects)
}

/** What it refused may be granted now. */
export function askAgain<I>(
  proposer: Proposer<I>,
  standing: Campaign,
  from: PeerId,
  effects: ProposerEffect[],
): void {
  if (standing.round?.stage === 'prepare' && standing.round.refused.delete(from))
    repeatRound(proposer, standing, effects, from)
}
