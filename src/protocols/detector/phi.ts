/**
 * The phi accrual detector (Hayashibara et al. 2004): phi = -log10 P(a gap is longer than this silence), the gaps taken as
 * normally distributed with the mean and deviation of the newest ones. At phi 1 one suspicion in ten is wrong, at 8 one in
 * a hundred million, if the gaps are what the model says. They are not, so four things are not left to it:
 *
 * - **A least deviation.** On a quiet LAN the gaps hardly differ, the deviation tends to 0, and the first beat that is late
 *   by a millisecond is "impossible" (Akka: `min-std-deviation`).
 * - **A pause that is acceptable**, added to the mean: collections of garbage are no part of the distribution.
 * - **The first signs of life.** Before there are some, no estimate: the upper bound counts (Akka seeds a guess).
 * - **A bounded window**, or an hour of calm weather would hide the storm that begins.
 */
import { Gaps, withinBounds, type Detector, type SilenceBounds } from './detector.ts'

export interface PhiOptions extends SilenceBounds {
  /** @default 8 */
  readonly threshold?: number
  /** No deviation counts as smaller, in ms. Above 0. */
  readonly minDeviationMs: number
  /** @default 0 */
  readonly acceptablePauseMs?: number
  /** The newest gaps that count. @default 100 */
  readonly windowSize?: number
  /** Gaps to learn from before the estimate counts. @default 8 */
  readonly minSamples?: number
}

export interface PhiDetector extends Detector {
  /** How suspicious a silence is: grows without bound, `threshold` is enough. 0 while too little is known. */
  phi(silenceMs: number): number
}

export function phiDetector(options: PhiOptions): PhiDetector {
  const { threshold = 8, minDeviationMs, acceptablePauseMs = 0, windowSize = 100, minSamples = 8 } = options
  const deviations = deviationsOf(threshold)
  const gaps = new Gaps()
  const window: number[] = []
  let next = 0
  const model = (): { readonly mean: number; readonly deviation: number } => {
    // Summed anew: running sums of squares lose their digits, and a hundred additions a heartbeat are nothing.
    const mean = window.reduce((sum, gap) => sum + gap, 0) / window.length
    const variance = window.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / window.length
    return { mean: mean + acceptablePauseMs, deviation: Math.max(minDeviationMs, Math.sqrt(variance)) }
  }
  return {
    heard(now) {
      const gap = gaps.endedBy(now)
      if (gap === null) return
      window[next] = gap
      next = (next + 1) % windowSize
    },
    resumed: (now) => gaps.begin(now),
    reset() {
      gaps.reset()
      window.length = 0
      next = 0
    },
    get silenceMs() {
      if (window.length < minSamples) return withinBounds(options.mostMs, options)
      const { mean, deviation } = model()
      return withinBounds(mean + deviations * deviation, options)
    },
    phi(silenceMs) {
      if (window.length < minSamples) return 0
      const { mean, deviation } = model()
      return phiOf((silenceMs - mean) / deviation)
    },
  }
}

/**
 * -log10 of the tail of the normal distribution, by the logistic approximation that Akka and Cassandra's successors use
 * too. Within 0.0002 of the true probability; its own tail is thinner, so far out it suspects a little sooner.
 */
export function phiOf(deviations: number): number {
  const exponent = slope(deviations)
  // Of e^-x/(1+e^-x) written so that neither a large nor a small x overflows.
  return Math.log1p(Math.exp(-Math.abs(exponent))) / Math.LN10 + Math.max(0, exponent) / Math.LN10
}

function slope(deviations: number): number {
  return deviations * (1.5976 + 0.070566 * deviations * deviations)
}

/** How many deviations above the mean reach this phi: `phiOf` backwards, by halving. */
function deviationsOf(threshold: number): number {
  let low = -40
  let high = 40
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2
    if (phiOf(middle) < threshold) low = middle
    else high = middle
  }
  return high
}
