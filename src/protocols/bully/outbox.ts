/**
 * The effects of one step. All that a step must make durable is one persist, put first; what a peer says to itself takes the
 * way of what it says to others, so that its own vote counts exactly when anybody else's would.
 */
import type { PeerId } from '../quorum/types.ts'
import type { Bully } from './state.ts'
import type { BullyEffect, BullyMessage, BullyRecord, SessionNews } from './types.ts'

export interface Outbox {
  readonly now: number
  readonly effects: BullyEffect[]
  readonly records: BullyRecord[]
  readonly inbox: BullyMessage[]
}

export function emptyOutbox(now: number): Outbox {
  return { now, effects: [], records: [], inbox: [] }
}

/** Returns the number that what depends on it waits for. */
export function persist(bully: Bully, out: Outbox, record: BullyRecord): number {
  if (out.records.length === 0) bully.sequence += 1
  out.records.push(record)
  return bully.sequence
}

/** `after`: the persist that makes true what it says. */
export function send(bully: Bully, out: Outbox, to: PeerId, message: BullyMessage, after = 0): void {
  const waits = after > bully.durable
  if (to !== bully.self) out.effects.push({ type: 'send', to, message, ...(waits ? { after } : {}) })
  else if (waits) gate(bully, after, message)
  else out.inbox.push(message)
}

function gate({ gated }: Bully, after: number, message: BullyMessage): void {
  const messages = gated.get(after)
  if (messages === undefined) gated.set(after, [message])
  else messages.push(message)
}

export function sendToAll(bully: Bully, out: Outbox, message: BullyMessage): void {
  for (const peer of bully.everybody) send(bully, out, peer, message)
}

export function tell(bully: Bully, out: Outbox, session: string, news: SessionNews): void {
  if (bully.local.has(session)) out.effects.push({ type: 'tell', session, news })
}

export function sealed(bully: Bully, out: Outbox): BullyEffect[] {
  if (out.records.length === 0) return out.effects
  return [{ type: 'persist', sequence: bully.sequence, records: out.records }, ...out.effects]
}
