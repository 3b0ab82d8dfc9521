/** How a session lets go of an instance, and to whom. */
import { voteResult } from '../../quorum/majority.ts'
import type { PeerId } from '../../quorum/types.ts'
import { isReleasing, release } from './releases.ts'
import type { Campaign, Proposer, ProposerEffect } from './state.ts'
import type { OwnEnding, PaxosReply } from '../types.ts'

export function loseAll<I>(proposer: Proposer<I>, effects: ProposerEffect[]): void {
  for (const standing of [...proposer.campaigns.values()])
    if (standing.phase === 'held' && standing.instance.startsWith('e:'))
      lose(proposer, standing, 'expired', effects)
}

export function lose<I>(
  proposer: Proposer<I>,
  standing: Campaign,
  reason: 'expired' | 'superseded',
  effects: ProposerEffect[],
): void {
  effects.push({ type: 'lost', instance: standing.instance, reason })
  // Who was superseded has lost it before, to an acceptor's own doing.
  giveUp(proposer, standing, null, effects, reason === 'expired' ? reason : null)
}

export function giveUp<I>(
  proposer: Proposer<I>,
  standing: Campaign,
  to: string | null,
  effects: ProposerEffect[],
  ending: OwnEnding | null = to === null ? 'released' : 'transferred',
): void {
  const { instance, highest } = standing
  const owned = standing.phase === 'held'
  if (owned) {
    proposer.held -= 1
    for (const [peer, view] of proposer.acceptors) if (!standing.accepted.has(peer)) view.missing -= 1
  }
  proposer.campaigns.delete(instance)
  proposer.proposing.delete(standing)
  proposer.dirty.delete(standing)
  proposer.seeking.delete(instance)
  effects.push({ type: 'disarm', instance })
  const ballot = isReleasing(proposer, instance, highest) ? (proposer.top += 1) : highest
  const why = owned && ending !== null ? { why: ending } : {}
  release(proposer, { instance, ballot, to, owned, stays: false, ...why }, effects)
}

export function sought<I>(
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
