/**
 * The effects of one step. All durable changes of a step become one persist, put first; what depends on the disk is sent
 * with the sequence it waits for, so that no promise leaves before it is kept (Raft Figure 2: "updated on stable storage
 * before responding").
 */
import type { PeerId } from '../quorum/types.ts'
import { entriesBetween, lastIndex } from './log.ts'
import { leaderOf } from './state.ts'
import type { Raft } from './state.ts'
import type { RaftEffect, RaftMessage, RaftTimer } from './types.ts'

export interface Outbox<Data> {
  readonly effects: RaftEffect<Data>[]
  write: { readonly sequence: number; hardState: boolean; firstIndex: number | null } | null
}

export function emptyOutbox<Data>(): Outbox<Data> {
  return { effects: [], write: null }
}

/** Term or vote changed. */
export function persistHardState<Data>(raft: Raft<Data>, out: Outbox<Data>): void {
  const write = writeOfThisStep(raft, out)
  write.hardState = true
  raft.hardSequence = write.sequence
}

/** The log changed from `firstIndex` on. */
export function persistEntries<Data>(raft: Raft<Data>, out: Outbox<Data>, firstIndex: number): void {
  const write = writeOfThisStep(raft, out)
  write.firstIndex = Math.min(write.firstIndex ?? firstIndex, firstIndex)
  const newest = raft.pendingWrites.at(-1)
  if (newest?.sequence === write.sequence) newest.firstIndex = write.firstIndex
  else raft.pendingWrites.push({ sequence: write.sequence, firstIndex })
}

function writeOfThisStep<Data>(raft: Raft<Data>, out: Outbox<Data>): NonNullable<Outbox<Data>['write']> {
  if (out.write === null) {
    raft.sequence += 1
    out.write = { sequence: raft.sequence, hardState: false, firstIndex: null }
  }
  return out.write
}

/** The effects in order, the persist of this step first. */
export function sealed<Data>(raft: Raft<Data>, out: Outbox<Data>): RaftEffect<Data>[] {
  const { effects, write } = out
  if (write === null) return effects
  const persist: RaftEffect<Data> = {
    type: 'persist',
    sequence: write.sequence,
    ...(write.hardState ? { hardState: { term: raft.term, votedFor: raft.votedFor } } : {}),
    ...(write.firstIndex === null
      ? {}
      : { entries: entriesBetween(raft.log, write.firstIndex, lastIndex(raft.log)) }),
  }
  return [persist, ...effects]
}

/** Sends something that promises nothing: it may leave whatever the disk does. */
export function sendUnbound<Data>(out: Outbox<Data>, to: PeerId, message: RaftMessage<Data>): void {
  out.effects.push({ type: 'send', to, message })
}

/** Sends something that speaks for our term: it leaves once the term, and the vote in it, are durable. */
export function send<Data>(
  raft: Raft<Data>,
  out: Outbox<Data>,
  to: PeerId,
  message: RaftMessage<Data>,
): void {
  sendAfter(raft, out, to, message, raft.hardSequence)
}

/** Sends something that vouches for our log: it leaves once every entry is durable, and term and vote too. */
export function sendAfterLog<Data>(
  raft: Raft<Data>,
  out: Outbox<Data>,
  to: PeerId,
  message: RaftMessage<Data>,
): void {
  sendAfter(raft, out, to, message, Math.max(raft.hardSequence, raft.pendingWrites.at(-1)?.sequence ?? 0))
}

function sendAfter<Data>(
  raft: Raft<Data>,
  out: Outbox<Data>,
  to: PeerId,
  message: RaftMessage<Data>,
  after: number,
): void {
  if (after > raft.durableSequence) out.effects.push({ type: 'send', to, message, after })
  else out.effects.push({ type: 'send', to, message })
}

/** Says who we are now. */
export function announce<Data>(raft: Raft<Data>, out: Outbox<Data>): void {
  out.effects.push({ type: 'became', role: raft.role.name, term: raft.term, leader: leaderOf(raft) })
}

/** The last word of a step on a timer counts; the driver sees only that. */
export function armTimer<Data>(out: Outbox<Data>, timer: RaftTimer, minMs: number, maxMs: number): void {
  forgetTimer(out, timer)
  out.effects.push({ type: 'arm-timer', timer, minMs, maxMs })
}

export function cancelTimer<Data>(out: Outbox<Data>, timer: RaftTimer): void {
  forgetTimer(out, timer)
  out.effects.push({ type: 'cancel-timer', timer })
}

function forgetTimer<Data>(out: Outbox<Data>, timer: RaftTimer): void {
  const earlier = out.effects.findIndex(
    (effect) => (effect.type === 'arm-timer' || effect.type === 'cancel-timer') && effect.timer === timer,
  )
  if (earlier >= 0) out.effects.splice(earlier, 1)
}
