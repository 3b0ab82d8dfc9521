import { holderValidityMs, type ClockBounds } from '../lease/deadline.ts'
import type { Clock } from '../seams/clock.ts'
import type { Renewal } from './backend.ts'

/** Whether whoever leads by it may still believe. */
export function isUnexpired({ sentAt, grantedMs }: Renewal, clock: Clock, bounds: ClockBounds): boolean {
  return clock.elapsedMs(sentAt) < holderValidityMs(grantedMs, bounds)
}

export function unexpired(renewal: Renewal | null, clock: Clock, bounds: ClockBounds): Renewal | null {
  return renewal !== null && isUnexpired(renewal, clock, bounds) ? renewal : null
}
