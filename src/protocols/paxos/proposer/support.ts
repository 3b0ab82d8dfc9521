/** On whom the session counts: acceptors that have accepted all it holds, by their digests (`Tie`). */
import type { PeerId } from '../../quorum/types.ts'
import { acknowledged } from '../../support/holder.ts'
import { askAgain, beginRound } from './rounds.ts'
import type { AcceptorView, Proposer, ProposerEffect } from './state.ts'
import type { Tie } from '../types.ts'

/** False for what an acceptor said under an earlier tie: it no longer stands for what is held. */
export function isTied<I>(
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
    newest: 0,
    acknowledged: view?.acknowledged ?? 0,
    missing: proposer.held,
  })
  for (const standing of proposer.campaigns.values()) {
    standing.accepted.delete(from)
    if (view === undefined) continue
    // It may have lost its place in line too, or news that went before.
    if (standing.phase === 'waiting') beginRound(proposer, standing, effects)
    else askAgain(proposer, standing, from, effects)
  }
  return true
}

/** Only an acceptor that has everything which is held moves the deadline of everything. */
export function supports<I>(
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
