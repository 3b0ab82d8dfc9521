/**
 * What orders the leaderships of an advisory election. Between a driver and `election/` it travels in the place of the token,
 * as one number; from there on it is never called one.
 */

export interface AdvisoryRank {
  /** Above every epoch that the leader's partition had heard of; rises when partitions heal. */
  readonly epoch: number
  /** The place of the leader's peer among all peers: orders leaders of one epoch in two partitions. */
  readonly slot: number
}

const slotBits = 16n

export function orderOf({ epoch, slot }: AdvisoryRank): bigint {
  return (BigInt(epoch) << slotBits) | BigInt(slot)
}

export function rankOf(order: bigint): AdvisoryRank {
  return { epoch: Number(order >> slotBits), slot: Number(order & ((1n << slotBits) - 1n)) }
}
