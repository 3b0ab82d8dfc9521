/**
 * How the two sides count one lease. Each clock runs within rho of true time, so the holder counts short and whoever
 * waits on it counts long; the tick covers the rounding of readings and timers (DESIGN §2 "Clocks").
 */
import type { LeaseBounds } from './types.ts'

/** From the instant before sending: how long the holder may rely on it, by its own clock. */
export function holderLeaseMs(leaseMs: number, { maxClockDrift, tickMs }: LeaseBounds): number {
  return leaseMs * (1 - maxClockDrift) - tickMs
}

/** From the instant after receiving: how long a voter waits, by its own clock. */
export function voterLeaseMs(leaseMs: number, { maxClockDrift, tickMs }: LeaseBounds): number {
  return leaseMs * (1 + maxClockDrift) + tickMs
}
