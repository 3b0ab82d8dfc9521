import { Gaps, withinBounds, type Detector, type SilenceBounds } from './detector.ts'

/** As TCP weighs a new sample (RFC 6298 §2): an eighth for the mean, a quarter for the deviation. */
const meanWeight = 1 / 8
const deviationWeight = 1 / 4

/** A running mean and mean deviation that forget: two numbers of state, a few dozen samples of memory. */
export class Ewma {
  #samples = 0
  #mean = 0
  #deviation = 0

  get samples(): number {
    return this.#samples
  }

  get mean(): number {
    return this.#mean
  }

  /** Mean absolute deviation, as RTTVAR; some 0.8 of a standard deviation. */
  get deviation(): number {
    return this.#deviation
  }

  add(sample: number): void {
    this.#samples += 1
    if (this.#samples === 1) {
      // RFC 6298 (2.2): half of the first sample, so that the second is no surprise.
      this.#mean = sample
      this.#deviation = sample / 2
      return
    }
    // The deviation is taken from the mean before this sample (RFC 6298 (2.3)).
    this.#deviation += deviationWeight * (Math.abs(sample - this.#mean) - this.#deviation)
    this.#mean += meanWeight * (sample - this.#mean)
  }

  reset(): void {
    this.#samples = 0
    this.#mean = 0
    this.#deviation = 0
  }
}

export interface EwmaOptions extends SilenceBounds {
  /** Deviations above the mean gap. @default 4, as TCP's retransmission timer */
  readonly deviations?: number
  /** Gaps to learn from before the estimate counts. @default 8 */
  readonly minSamples?: number
}

/** A silence longer than the mean gap by some deviations. Follows a change within some ten signs of life. */
export function ewmaDetector(options: EwmaOptions): Detector {
  const { deviations = 4, minSamples = 8 } = options
  const gaps = new Gaps()
  const estimate = new Ewma()
  return {
    heard(now) {
      const gap = gaps.endedBy(now)
      if (gap !== null) estimate.add(gap)
    },
    resumed: (now) => gaps.begin(now),
    reset() {
      gaps.reset()
      estimate.reset()
    },
    get silenceMs() {
      if (estimate.samples < minSamples) return withinBounds(options.mostMs, options)
      return withinBounds(estimate.mean + deviations * estimate.deviation, options)
    },
  }
}
