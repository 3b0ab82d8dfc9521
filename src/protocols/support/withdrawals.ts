/** The arbiter's count of withdrawals (DESIGN §4.1 A5): keyed by voter, and of each session only the newest epoch. */
import { voteResult } from '../quorum/majority.ts'
import type { Configuration, PeerId, VoteResult } from '../quorum/types.ts'
import type { SessionKey, WithdrawAnswer } from './types.ts'

export interface Withdrawals {
  readonly sessions: Map<SessionKey, { readonly epoch: number; readonly votes: Map<PeerId, boolean> }>
}

export function createWithdrawals(): Withdrawals {
  return { sessions: new Map() }
}

/** Counts an answer. One for an epoch that is over counts nothing: its expiry would be ignored. */
export function withdrew(
  withdrawals: Withdrawals,
  { session, epoch, voter }: Pick<WithdrawAnswer, 'session' | 'epoch' | 'voter'>,
): void {
  let count = withdrawals.sessions.get(session)
  if (count !== undefined && epoch < count.epoch) return
  if (count === undefined || epoch > count.epoch) {
    count = { epoch, votes: new Map() }
    withdrawals.sessions.set(session, count)
  }
  count.votes.set(voter, true)
}

/** `won`: the session may be expired. Never `lost`: a voter that may not agree yet does not answer. */
export function withdrawalResult(
  withdrawals: Withdrawals,
  configuration: Configuration,
  session: SessionKey,
  epoch: number,
): VoteResult {
  const count = withdrawals.sessions.get(session)
  return count?.epoch === epoch ? voteResult(configuration, count.votes) : 'pending'
}

/** The session has ended. */
export function forgetWithdrawals(withdrawals: Withdrawals, session: SessionKey): void {
  withdrawals.sessions.delete(session)
}
