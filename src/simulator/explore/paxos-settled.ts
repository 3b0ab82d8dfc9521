/**
 * What makes no difference to a promise, made the same, so that fewer states differ; and letters that can change nothing
 * any more, whenever they arrive. `paxos-model.test.ts` holds both against the model without them.
 */
import { ceilingBlock, isUnsure, type Acceptor } from '../../protocols/paxos/acceptor/state.ts'
import type { Campaign, Proposer } from '../../protocols/paxos/proposer/state.ts'
import type { AcceptorRecord, PaxosReply, PaxosRequest, SessionKey } from '../../protocols/paxos/types.ts'

/** A ceiling is some number above all that was promised: which one, only a restart could tell. */
export function settledRecord({ ceiling, longestLeaseMs }: AcceptorRecord): AcceptorRecord {
  return { ceiling: ceilingBlock * Math.floor(ceiling / ceilingBlock), longestLeaseMs }
}

/** Without lines, news and timers, which make nobody own anything. */
export function settledAcceptor(acceptor: Acceptor, now: number): Acceptor {
  for (const entry of acceptor.entries.values()) {
    entry.line.clear()
    entry.lastEnding = null
  }
  for (const session of acceptor.sessions.values()) {
    session.waits.clear()
    session.told = 0
    session.contested = false
  }
  const newest = acceptor.records.at(-1)
  acceptor.records.length = 0
  if (newest !== undefined) acceptor.records.push({ ...settledRecord(newest), sequence: 1 })
  acceptor.arrivals = 0
  acceptor.wakeAt = null
  if (isUnsure(acceptor, now)) return acceptor
  return { ...acceptor, unsureUntil: -Infinity, startedAt: 0, toldOfStart: true }
}

/** Who only stood in line is not known yet: its first digest is drawn when it has something. */
export function forgetNewcomer(acceptor: Acceptor, before: Acceptor, session: SessionKey): void {
  if (before.sessions.has(session) || acceptor.sessions.get(session)?.holds.size !== 0) return
  acceptor.sessions.delete(session)
  acceptor.ties = before.ties
}

/** Without what only decides when it asks next: here it may ask at any time. */
export function settledProposer(proposer: Proposer<number>): Proposer<number> {
  proposer.leaving.clear()
  proposer.yielding.clear()
  proposer.now = 0
  proposer.unanswered = 0
  proposer.quietUntil = -Infinity
  for (const [instance, campaign] of proposer.campaigns) {
    campaign.tries = 0
    const settled: Campaign = { ...campaign, askedAt: 0 }
    if (campaign.round !== null) settled.round = { ...campaign.round, begunAt: 0, waitMs: 0, ahead: 0 }
    proposer.campaigns.set(instance, settled)
    for (const some of [proposer.proposing, proposer.dirty]) if (some.delete(campaign)) some.add(settled)
  }
  return proposer
}

/** An answer of an acceptor that the proposer can do nothing with, now or later. */
export function isDeadReply(proposer: Proposer<number>, from: string, reply: PaxosReply): boolean {
  const view = proposer.acceptors.get(from)
  if ('tie' in reply && view !== undefined) {
    if (reply.life < view.life || (reply.life === view.life && reply.tie < view.tie)) return true
  }
  const [campaign] = proposer.campaigns.values()
  const round = campaign?.round ?? null
  switch (reply.type) {
    case 'promise':
      // Ballots of later rounds are above all that it has seen.
      if (reply.ballot > proposer.top) return false
      return round?.ballot !== reply.ballot || round.stage !== 'prepare' || round.promised.has(from)
    case 'rejected':
      if (reply.promised > proposer.top) return false
      if (campaign === undefined) return true
      return reply.ballot !== round?.ballot && reply.ballot !== campaign.ballot
    case 'accepted':
      if (view?.life !== reply.life || view.tie !== reply.tie) return false
      if (campaign === undefined || campaign.token === 0) return reply.ballot <= proposer.top
      if (reply.ballot < campaign.token) return true
      return campaign.accepted.has(from) && reply.sequence <= view.acknowledged
    case 'keepalive-ack':
      if (view?.life !== reply.life || view.tie !== reply.tie) return false
      return view.missing === 0 && reply.sequence <= (proposer.holder.acknowledged.get(from) ?? 0)
    default:
      return false
  }
}

/** A request that the acceptor would refuse, or answer in a way that its proposer can do nothing with, now or later. */
export function isDeadRequest(
  acceptor: Acceptor,
  proposer: Proposer<number>,
  request: PaxosRequest,
): boolean {
  if (request.type !== 'prepare' && request.type !== 'propose' && request.type !== 'release') return false
  const { instance, ballot } = request
  const entry = acceptor.entries.get(instance)
  // What is promised only rises, over restarts too.
  if (ballot >= (entry?.promised ?? acceptor.floor)) return false
  if (request.type === 'release') {
    const owner = entry?.accepted
    return owner?.session !== proposer.options.session || owner.ballot > ballot
  }
  const campaign = proposer.campaigns.get(instance)
  return ballot !== campaign?.round?.ballot && ballot !== campaign?.ballot
}
