/** What every message must be, whoever sent it. Judged before anything changes, so that refusing it costs nothing. */
import { MandateError } from '../../errors.ts'
import type { PeerId } from '../quorum/types.ts'
import type { RaftMessage } from './types.ts'

/** @throws PROTOCOL_ERROR: a peer of this version sends no such thing, so the connection is not to be trusted. */
export function checkMessage(from: PeerId, message: RaftMessage<unknown>): void {
  requireCount(from, message, 'term', message.term)
  if (message.type !== 'append') return
  requireCount(from, message, 'previousIndex', message.previousIndex)
  let { previousIndex: index, previousTerm: term } = message
  for (const entry of message.entries) {
    if (entry.index !== index + 1 || entry.term < term || entry.term > message.term) {
      const place = `${entry.index}/${entry.term} after ${index}/${term}`
      throw refusal(from, message, `entry ${place} in term ${message.term} cannot stand in a log`)
    }
    index = entry.index
    term = entry.term
  }
  requireCount(from, message, 'last index', index)
}

function requireCount(from: PeerId, message: RaftMessage<unknown>, what: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return
  throw refusal(from, message, `its ${what} ${value} is not a safe integer of 0 or more`)
}

function refusal(from: PeerId, message: RaftMessage<unknown>, fault: string): MandateError {
  const reason = `${message.type} of '${from}': ${fault}`
  return new MandateError(
    'PROTOCOL_ERROR',
    `${reason}; close the connection, and run one version on all peers`,
    {
      reason,
    },
  )
}
