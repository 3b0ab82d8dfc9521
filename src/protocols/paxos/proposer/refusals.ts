/** What keeps a proposer from winning, and the news that it may try again. */
import { voteResult } from '../../quorum/majority.ts'
import type { PeerId } from '../../quorum/types.ts'
import { giveUp, lose } from './leaving.ts'
import { askAgain, beginRound, refused, repeatRound, stepOf } from './rounds.ts'
import { send } from './sending.ts'
import type { Proposer, ProposerEffect } from './state.ts'
import type { Instance, PaxosReply } from '../types.ts'

export function rejected<I>(
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

/** Another one may have led since, and given back: what was acquired before must not go on. */
export function superseded<I>(
  proposer: Proposer<I>,
  { instance, token }: Extract<PaxosReply, { type: 'superseded' }>,
  effects: ProposerEffect[],
): void {
  const standing = proposer.campaigns.get(instance)
  proposer.top = Math.max(proposer.top, token)
  if (standing?.phase === 'held' && standing.token < token) lose(proposer, standing, 'superseded', effects)
}

export function heldByOther<I>(
  proposer: Proposer<I>,
  from: PeerId,
  reply: Extract<PaxosReply, { type: 'held' }>,
  effects: ProposerEffect[],
): void {
  const { instance, ballot, by, silentMs, ahead, told } = reply
  const standing = proposer.campaigns.get(instance)
  if (standing === undefined) return stepOut(proposer, from, instance, effects)
  if (standing.round?.ballot !== ballot || standing.round.promised.has(from)) return
  // News overtook it: what is taken here may be free by now, and nobody would say so again.
  if (told < (proposer.acceptors.get(from)?.newest ?? 0))
    return repeatRound(proposer, standing, effects, from)
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
    // Heard since this session asked, so its process lives. Counted to when this round began, which is before it was answered:
    // how long the answer took to be read says nothing of the other process.
    if (silentMs < standing.round.begunAt - standing.askedAt) {
      effects.push({ type: 'duplicate', instance, silentMs })
      giveUp(proposer, standing, null, effects)
      return
    }
  }
  refused(proposer, standing, from, { ballot, is: 'held', ahead }, effects)
}

export function free<I>(
  proposer: Proposer<I>,
  from: PeerId,
  { instance, rank, told }: Extract<PaxosReply, { type: 'free' }>,
  effects: ProposerEffect[],
): void {
  const view = proposer.acceptors.get(from)
  if (view !== undefined) {
    view.news += 1
    view.newest = Math.max(view.newest, told)
  }
  const standing = proposer.campaigns.get(instance)
  if (standing === undefined) return stepOut(proposer, from, instance, effects)
  if (standing.phase === 'held') return
  if (standing.round !== null) {
    askAgain(proposer, standing, from, effects)
    return
  }
  // It gives way to a rival, perhaps to the one that gave back what is free now: its time is drawn.
  if (standing.tries > 0) return
  const stepMs = stepOf(proposer, standing)
  if (rank === 0) beginRound(proposer, standing, effects)
  else effects.push({ type: 'arm', instance, minMs: rank * stepMs, maxMs: (rank + 0.5) * stepMs })
}

/**
 * It gave that up; a prepare that was overtaken by the release put it in line again. Somebody might hand over to it, and the
 * place would be kept for nobody.
 */
function stepOut<I>(
  proposer: Proposer<I>,
  from: PeerId,
  instance: Instance,
  effects: ProposerEffect[],
): void {
  send(effects, from, { type: 'release', instance, ballot: proposer.top, to: null, stays: false })
}
