/** How a session lets go of an instance, and to whom. */
import { voters, voteResult } from '../../quorum/majority.ts'
import type { PeerId } from '../../quorum/types.ts'
import { send } from './rounds.ts'
import type { Campaign, Leaving, Proposer, ProposerEffect } from './state.ts'
import type { PaxosReply } from '../types.ts'

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
  giveUp(proposer, standing, null, effects)
}

export function giveUp<I>(
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

export function released<I>(
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
