/** Who bullies whom: the higher priority, and among equals the higher id (Garcia-Molina 1982). A total order. */
import type { Rank } from './types.ts'

/** Above 0: `left` ranks higher. Not `localeCompare`: its answer depends on the machine. */
export function compareRanks(left: Rank, right: Rank): number {
  if (left.priority !== right.priority) return left.priority - right.priority
  return left.id < right.id ? -1 : left.id > right.id ? 1 : 0
}
