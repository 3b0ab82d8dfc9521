/**
 * How the holder of a lease record uses its lease: when it renews, how long it tries, when it gives up. The three
 * numbers are client-go's (LeaseDuration, RenewDeadline, RetryPeriod); what they mean here counts from before a request
 * is sent, never from its answer.
 */
import { grantorSilenceMs, holderValidityMs } from './deadline.ts'
import type { ClockBounds } from './deadline.ts'

/** In ms. */
export interface LeasePace {
  /** How long whoever waits leaves a silent holder alone. */
  readonly leaseMs: number
  /** A holder gives up this long after it sent its last successful write. */
  readonly renewDeadlineMs: number
  /** The longest pause between two attempts, and the time between two looks where watching is forbidden. */
  readonly retryMs: number
}

/** client-go's factor, so that the settings of one are valid in the other. */
const RETRY_JITTER = 1.2

/** After a third of the deadline a renewal is due, and it may last a third: when it hangs, one more attempt fits in. */
const SHARE = 1 / 3

export interface LeaseIntervals extends LeasePace {
  readonly renewMs: number
  readonly attemptMs: number
}

export function intervalsOf(pace: LeasePace): LeaseIntervals {
  return {
    ...pace,
    renewMs: pace.renewDeadlineMs * SHARE,
    attemptMs: pace.renewDeadlineMs * SHARE,
  }
}

/** Every relation that does not hold, with the value and the fix; empty: sound. */
export function paceProblems({ leaseMs, renewDeadlineMs, retryMs }: LeasePace): string[] {
  const problems: string[] = []
  for (const [name, value] of Object.entries({ leaseMs, renewDeadlineMs, retryMs })) {
    if (!(Number.isFinite(value) && value > 0))
      problems.push(`${name} is ${String(value)}: use a number of ms above 0`)
  }
  if (problems.length > 0) return problems
  if (!(leaseMs > renewDeadlineMs)) {
    problems.push(
      `renewDeadlineMs is ${renewDeadlineMs} with leaseMs ${leaseMs}: lower it below ${leaseMs}, so that work has ended ` +
        'before a successor begins',
    )
  }
  if (!(renewDeadlineMs > retryMs * RETRY_JITTER)) {
    const least = Math.ceil(retryMs * RETRY_JITTER) + 1
    problems.push(
      `renewDeadlineMs is ${renewDeadlineMs} with retryMs ${retryMs}: raise it to ${least} or more, or lower retryMs, so ` +
        'that one attempt may fail',
    )
  }
  return problems
}

/** What a pace means for its user, in ms. Round trips come on top. */
export interface PaceFigures {
  /** The longest time for which the store may refuse, or be down, that surely ends no leadership. */
  readonly toleratedRefusalMs: number
  /** The same where requests hang instead. */
  readonly toleratedSilenceMs: number
  /** The longest stall of the holder's event loop that surely ends no leadership. */
  readonly toleratedStallMs: number
  /** From a holder's deadline to the earliest takeover: the time that work has to stop. */
  readonly marginMs: number
  /** After a crash, counted from the last renewal. */
  readonly worstTakeoverMs: number
  readonly renewalsPerMinute: number
}

export function paceFigures(pace: LeasePace, clocks: ClockBounds): PaceFigures {
  const { leaseMs, renewDeadlineMs, retryMs, renewMs, attemptMs } = intervalsOf(pace)
  const validityMs = holderValidityMs(renewDeadlineMs, clocks)
  return {
    toleratedRefusalMs: Math.max(0, validityMs - retryMs),
    toleratedSilenceMs: Math.max(0, validityMs - retryMs - attemptMs),
    toleratedStallMs: Math.max(0, validityMs - renewMs),
    marginMs: holderValidityMs(leaseMs, clocks) - validityMs,
    worstTakeoverMs: grantorSilenceMs(leaseMs, clocks),
    renewalsPerMinute: 60_000 / renewMs,
  }
}
