/** How far clocks may be wrong, and how coarse their readings are. */
export interface ClockBounds {
  /** rho: every clock counts between 1 - rho and 1 + rho ms in one ms of true time. */
  readonly maxClockDrift: number
  /** Quantisation of a reading, in ms. */
  readonly tickMs: number
}

/**
 * How long a holder may believe, by its own clock, counted from the instant *before* it sent the request that was
 * granted: lease(1 - rho) - tick (Dissertation §6.4.1, tikv#9728 for the tick). Ends in true time no later than the
 * lease does, whatever the holder's clock does inside rho. Never count from the answer: it may be any time late.
 */
export function holderValidityMs(leaseMs: number, bounds: ClockBounds): number {
  return leaseMs * (1 - bounds.maxClockDrift) - bounds.tickMs
}

/**
 * How long whoever waits must have heard nothing, by its own `lower()` clock, counted from an instant *after* it heard:
 * lease(1 + rho) + tick. Ends in true time no earlier than the lease does.
 */
export function grantorSilenceMs(leaseMs: number, bounds: ClockBounds): number {
  return leaseMs * (1 + bounds.maxClockDrift) + bounds.tickMs
}
