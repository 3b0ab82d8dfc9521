/** An acceptor is heard: what it acknowledges, what it lost, and what it has to be told again. */
import type { PeerId } from '../../quorum/types.ts'
import { askAgain, beginRound, proposeOf, repeatRound } from './rounds.ts'
import { releaseOf } from './releases.ts'
import { send } from './sending.ts'
import type { AcceptorView, Proposer, ProposerEffect } from './state.ts'
import { supports } from './support.ts'
import { winIfDue } from './winning.ts'
import type { PaxosReply } from '../types.ts'

/** Repetitions to one acceptor at a time: the rest goes with its next acknowledgement. */
export const repeatedAtOnce = 512

export function acknowledgedBy<I>(
  proposer: Proposer<I>,
  from: PeerId,
  { sequence, told }: Extract<PaxosReply, { type: 'keepalive-ack' }>,
  effects: ProposerEffect[],
): void {
  const view = proposer.acceptors.get(from)
  if (view === undefined || sequence > proposer.holder.lastSequence) return
  supports(proposer, from, view, sequence, effects)
  for (const standing of [...proposer.proposing]) winIfDue(proposer, standing, effects)
  view.newest = Math.max(view.newest, told)
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
  for (const standing of proposer.dirty) {
    const has = standing.accepted.get(from)
    // Who has not accepted it at all was told above.
    if (has === undefined || has >= standing.revision) continue
    send(effects, from, proposeOf(proposer, standing))
    if (--room === 0) return
  }
  for (const leaving of proposer.leaving.values()) {
    if (!leaving.open.has(from)) continue
    send(effects, from, releaseOf(leaving))
    if (--room === 0) return
  }
}
