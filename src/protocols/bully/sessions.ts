/** Sessions: who is let in, who is heard, and who may end whose lease (DESIGN §4.1). */
import { voteResult } from '../quorum/majority.ts'
import type { PeerId } from '../quorum/types.ts'
import type { Keepalive, SessionKey, VoterEffect, VoterInput } from '../support/types.ts'
import { lastHeardMs, stepVoter } from '../support/voter.ts'
import { withdrawalResult, withdrew } from '../support/withdrawals.ts'
import { flapped } from './damping.ts'
import { isSilent, noteOver } from './facts.ts'
import { forgetTheDead } from './forgetting.ts'
import { persist, send, tell, type Outbox } from './outbox.ts'
import { everyEpoch, learn, type Bully, type LocalSession } from './state.ts'
import type { BullyMessage, SessionFacts } from './types.ts'

// ---- of this peer ----------------------------------------------------------------------------------------------------

/** Asks every voter; again with a higher epoch when single voters have withdrawn for good (A5). */
export function onOpen(bully: Bully, out: Outbox, of: SessionFacts): void {
  const { heartbeatMs } = bully.options
  bully.local.set(of.session, { facts: of, opening: new Map(), dueAt: out.now + 2 * heartbeatMs })
  for (const peer of bully.everybody) send(bully, out, peer, { type: 'open', of })
}

/** Voters that have not agreed to an epoch yet are asked again. */
export function repeatOpens(bully: Bully, out: Outbox): void {
  for (const session of bully.local.values()) {
    if (session.opening === null || out.now < session.dueAt) continue
    session.dueAt = out.now + 2 * bully.options.heartbeatMs
    for (const peer of bully.everybody) {
      if (!session.opening.has(peer)) send(bully, out, peer, { type: 'open', of: session.facts })
    }
  }
}

export function onOpenReply(
  bully: Bully,
  out: Outbox,
  from: PeerId,
  reply: Extract<BullyMessage, { type: 'open-reply' }>,
): void {
  const local = bully.local.get(reply.session)
  if (local?.opening == null || reply.epoch !== local.facts.epoch) return
  local.opening.set(from, reply.is === 'open')
  const { configuration } = bully.options
  const result = voteResult(configuration, local.opening)
  if (result === 'won') {
    local.opening = null
    tell(bully, out, reply.session, { type: 'opened', epoch: reply.epoch })
  } else if (result === 'lost') {
    tell(bully, out, reply.session, { type: reply.is === 'duplicate' ? 'duplicate' : 'over' })
  }
}

export function onLocalKeepalive(bully: Bully, out: Outbox, keepalive: Keepalive): void {
  for (const peer of bully.everybody) send(bully, out, peer, keepalive)
}

/** Its sponsor forgets it as well: whoever still asks for it gets no answer. */
export function onClose(bully: Bully, out: Outbox, session: SessionKey): void {
  for (const peer of bully.everybody) send(bully, out, peer, { type: 'closed', session })
  bully.local.delete(session)
}

// ---- as a voter ------------------------------------------------------------------------------------------------------

export function onOpenAsked(bully: Bully, out: Outbox, from: PeerId, of: SessionFacts): void {
  const { session, epoch } = of
  const reply = (is: 'open' | 'duplicate' | 'over', after = 0): void =>
    send(bully, out, from, { type: 'open-reply', session, epoch, is }, after)
  if (bully.over.get(session) === everyEpoch) return reply('over')
  const other = bully.newest.get(of.id)
  if (other !== undefined && other !== session && bully.known.has(other)) {
    if (isConnected(bully, other, of, out.now)) return reply('duplicate')
    flapped(bully.damping, of.id, out.now)
  }
  forgetTheDead(bully, out.now)
  bully.newest.set(of.id, session)
  learn(bully, of, out.now)
  if (epoch === 1) return reply('open')
  let agreed = bully.reopened.get(session)
  if (agreed !== undefined && agreed.epoch > epoch) return reply('over')
  if (agreed === undefined || agreed.epoch < epoch) {
    // Before it is told: a majority that agreed is what a vote that counts on an earlier epoch's end must meet.
    const sequence = persist(bully, out, { type: 'reopened', withdrawal: { session, epoch } })
    agreed = { epoch, sequence }
    bully.reopened.set(session, agreed)
  }
  reply('open', agreed.sequence)
}

/** A session of the same id that lives on, elsewhere: not one that ended, nor the earlier life of the same process. */
function isConnected(bully: Bully, other: SessionKey, of: SessionFacts, now: number): boolean {
  const there = bully.known.get(other)?.facts.host
  if (there != null && there.peer === of.host?.peer && there.incarnation <= of.host.incarnation) return false
  if (bully.over.has(other)) return false
  return !isSilent(bully, other, now)
}

export function onKeepalive(bully: Bully, out: Outbox, from: PeerId, keepalive: Keepalive): void {
  const { session, epoch } = keepalive
  const known = bully.known.get(session)
  if (known === undefined) {
    send(bully, out, from, { type: 'open-needed', session })
    return
  }
  // It speaks in an epoch only once a majority agreed to it.
  if (known.facts.epoch < epoch) learn(bully, { ...known.facts, epoch }, out.now)
  if (lastHeardMs(bully.voter, session) !== null && isSilent(bully, session, out.now)) {
    known.upSince = out.now
    flapped(bully.damping, known.facts.id, out.now)
  }
  stepSupport(bully, out, { type: 'keepalive', from, keepalive })
}

/** A voter that started anew has forgotten it. */
export function onOpenNeeded(bully: Bully, out: Outbox, from: PeerId, session: SessionKey): void {
  const local = bully.local.get(session)
  if (local !== undefined) send(bully, out, from, { type: 'open', of: agreedFacts(local) })
}

/** The epoch that a majority agreed to: the one before, while a reopening is under way. */
function agreedFacts({ facts, opening }: LocalSession): SessionFacts {
  return opening === null || facts.epoch === 1 ? facts : { ...facts, epoch: facts.epoch - 1 }
}

export function onWithdraw(bully: Bully, out: Outbox, from: PeerId, of: SessionFacts): void {
  const { session, epoch } = of
  if (bully.over.get(session) === everyEpoch) {
    send(bully, out, from, { type: 'closed', session })
    return
  }
  const { facts } = learn(bully, of, out.now)
  if (epoch < facts.epoch) {
    // Perhaps nobody else who knows of it has a vote in the way, by which the candidate would learn of it.
    send(bully, out, from, { type: 'reopened', of: facts })
    return
  }
  stepSupport(bully, out, {
    type: 'withdraw-request',
    from,
    request: { type: 'withdraw-request', session, epoch },
  })
}

/** True: a majority has withdrawn now. */
export function onWithdrawAnswer(
  bully: Bully,
  from: PeerId,
  answer: Extract<BullyMessage, { type: 'withdraw-answer' }>,
): boolean {
  const { session, epoch, voter } = answer
  if (voter !== from) return false
  withdrew(bully.withdrawals, answer)
  if (withdrawalResult(bully.withdrawals, bully.options.configuration, session, epoch) !== 'won') return false
  bully.clearing.delete(session)
  if ((bully.over.get(session) ?? 0) >= epoch) return false
  noteOver(bully, session, epoch)
  return true
}

export function wakeSupport(bully: Bully, out: Outbox): void {
  stepSupport(bully, out, { type: 'wake' })
}

function stepSupport(bully: Bully, out: Outbox, input: VoterInput): void {
  for (const effect of stepVoter(bully.voter, input, out.now)) executeVoter(bully, out, effect)
}

function executeVoter(bully: Bully, out: Outbox, effect: VoterEffect): void {
  switch (effect.type) {
    case 'persist': {
      const sequence = persist(bully, out, { type: 'withdrawal', withdrawal: effect.withdrawal })
      bully.voterSequences.set(effect.sequence, sequence)
      return
    }
    case 'send': {
      const after = effect.after === undefined ? 0 : (bully.voterSequences.get(effect.after) ?? 0)
      send(bully, out, effect.to, effect.message, after)
      return
    }
    case 'wake-at':
      // `nextWake` reads it.
      return
    default:
      effect satisfies never
  }
}
