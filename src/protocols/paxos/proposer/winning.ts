/** What is accepted, and when that is a win. */
import { quorumIndex, voters, voteResult } from '../../quorum/majority.ts'
import type { PeerId } from '../../quorum/types.ts'
import type { Campaign, Proposer, ProposerEffect } from './state.ts'
import { supports } from './support.ts'
import type { PaxosReply } from '../types.ts'

export function acceptedBy<I>(
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

export function winIfDue<I>(proposer: Proposer<I>, standing: Campaign, effects: ProposerEffect[]): void {
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

/**
 * Won once a majority accepted it whose acknowledgements reach as far as any that the session counts already of whoever
 * has not accepted it: from then on it may count on the session's deadline, which moves only by acceptors that have all it
 * holds. Those that have accepted it are measured by no other: where an answer takes longer than a heartbeat, a near one
 * is always ahead of a majority.
 */
function isWon<I>({ options, holder, acceptors }: Proposer<I>, campaign: Campaign): boolean {
  if (holder.supported === null) return false
  let counted = 0
  for (const [peer, sequence] of holder.acknowledged)
    if (!campaign.accepted.has(peer)) counted = Math.max(counted, sequence)
  const support = quorumIndex(options.configuration, (peer) =>
    campaign.accepted.has(peer) ? (acceptors.get(peer)?.acknowledged ?? 0) : 0,
  )
  return support > 0 && support >= counted
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
