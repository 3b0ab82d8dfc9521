/** What a session tells acceptors to forget, until every one that listens does. */
import { voters, voteResult } from '../../quorum/majority.ts'
import type { PeerId } from '../../quorum/types.ts'
import { send } from './sending.ts'
import type { Instance, PaxosReply, PaxosRequest } from '../types.ts'
import type { Leaving, Proposer, ProposerEffect } from './state.ts'

/** Of those that a majority knows of: what is left of more at an acceptor that is not heard stands in nobody's way. */
const rememberedMost = 10_000

export function release<I>(
  proposer: Proposer<I>,
  leaving: Omit<Leaving, 'open' | 'answered'>,
  effects: ProposerEffect[],
): void {
  const { instance, ballot } = leaving
  const open = new Set(voters(proposer.options.configuration))
  proposer.leaving.set(keyOf(instance, ballot), { ...leaving, open, answered: false })
  send(effects, null, releaseOf(leaving))
}

export function releaseOf(leaving: Omit<Leaving, 'open' | 'answered'>): PaxosRequest {
  const { instance, ballot, to, stays, why } = leaving
  return { type: 'release', instance, ballot, to, stays, ...(why !== undefined && { why }) }
}

/** An attempt that was given back is answered by its ballot: whatever comes after it needs another one. */
export function isReleasing<I>(proposer: Proposer<I>, instance: Instance, ballot: number): boolean {
  return proposer.leaving.has(keyOf(instance, ballot))
}

export function released<I>(
  proposer: Proposer<I>,
  from: PeerId,
  { instance, ballot }: Extract<PaxosReply, { type: 'released' }>,
  effects: ProposerEffect[],
): void {
  const key = keyOf(instance, ballot)
  const leaving = proposer.leaving.get(key)
  if (leaving === undefined) return
  const { configuration } = proposer.options
  leaving.open.delete(from)
  const done = new Map(
    voters(configuration).flatMap((peer) => (leaving.open.has(peer) ? [] : [[peer, true]])),
  )
  if (!leaving.answered && voteResult(configuration, done) === 'won') {
    leaving.answered = true
    if (!leaving.stays) effects.push({ type: 'left', instance, ballot, owned: leaving.owned })
  }
  if (leaving.open.size === 0 || (leaving.answered && proposer.leaving.size > rememberedMost))
    proposer.leaving.delete(key)
}

function keyOf(instance: Instance, ballot: number): string {
  return `${ballot} ${instance}`
}
