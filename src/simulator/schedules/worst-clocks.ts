import { grantorSilenceMs, holderValidityMs } from '../../lease/deadline.ts'
import { expect, type Schedule } from './schedule.ts'

const leases = [50, 1_000, 60_000]
const bounds = { maxClockDrift: 0.01, tickMs: 1 }

/**
 * Both clocks as wrong as they may be: the holder's counts too slowly, the voter's too fast, and each reading is a whole
 * tick, rounded the way that hurts. Random clocks come close to this corner, never into it.
 */
export const worstClocks: Schedule = {
  name: 'worst-clocks',
  claim:
    'A holder with the slowest clock has stopped before a voter with the fastest one agrees (DESIGN §2 "Clocks")',
  run() {
    for (const leaseMs of leases) {
      const lastValidAt = latestValid(leaseMs)
      const agreesAt = earliestAgreement(leaseMs)
      expect(
        lastValidAt <= leaseMs && agreesAt >= leaseMs,
        `a lease of ${leaseMs} ms: the holder believes until ${lastValidAt}, a voter agrees at ${agreesAt}`,
      )
    }
  },
}

/** True time since it sent, in the last instant at which it still finds itself valid. */
function latestValid(leaseMs: number): number {
  const { maxClockDrift, tickMs } = bounds
  // It sent just after a tick, and looks just before one: almost a tick more has passed than it reads.
  const mostReadMs = holderValidityMs(leaseMs, bounds) + tickMs
  return mostReadMs / (1 + -maxClockDrift)
}

/** True time since it heard, in the first instant at which it may agree. */
function earliestAgreement(leaseMs: number): number {
  const { maxClockDrift, tickMs } = bounds
  // It heard just before a tick, and looks just after one.
  const leastReadMs = grantorSilenceMs(leaseMs, bounds) - tickMs
  return leastReadMs / (1 + maxClockDrift)
}
