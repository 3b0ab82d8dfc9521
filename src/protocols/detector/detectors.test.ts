import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../testing/seeded-random.ts'
import type { Detector, SilenceBounds } from './detector.ts'
import { Ewma, ewmaDetector } from './ewma.ts'
import { fixedDetector } from './fixed.ts'
import { phiDetector, phiOf } from './phi.ts'

const bounds: SilenceBounds = { leastMs: 20, mostMs: 2000 }
const kinds: readonly (readonly [string, (o: SilenceBounds) => Detector])[] = [
  ['fixed', () => fixedDetector(500)],
  ['phi', (o) => phiDetector({ ...o, minDeviationMs: 5 })],
  ['ewma', (o) => ewmaDetector(o)],
]
const estimating = kinds.filter(([name]) => name !== 'fixed')

/** Hears a sign of life after each gap; returns the instant of the last. */
function hear(detector: Detector, gaps: readonly number[], from = 0): number {
  detector.heard(from)
  return gaps.reduce((now, gap) => {
    detector.heard(now + gap)
    return now + gap
  }, from)
}

const every = (gap: number, count: number): number[] => Array.from({ length: count }, () => gap)

describe.each(kinds)('%s detector', (_name, make) => {
  it('stays within its bounds, whatever is heard and when', () => {
    const gap = fc.double({ min: 0, max: 1e7, noNaN: true })
    fc.assert(
      fc.property(fc.array(gap, { maxLength: 300 }), (gaps) => {
        const detector = make(bounds)
        let now = 0
        for (const each of gaps) {
          detector.heard((now += each))
          expect(detector.silenceMs).toBeGreaterThanOrEqual(bounds.leastMs)
          expect(detector.silenceMs).toBeLessThanOrEqual(bounds.mostMs)
        }
      }),
    )
  })

  it('depends on differences of time alone', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 60 }),
        fc.integer({ min: 0, max: 2 ** 40 }),
        (gaps, shift) => {
          const [one, other] = [make(bounds), make(bounds)]
          hear(one, gaps)
          hear(other, gaps, shift)
          expect(other.silenceMs).toBeCloseTo(one.silenceMs, 6)
        },
      ),
    )
  })
})

describe.each(estimating)('%s detector', (_name, make) => {
  it('knows nothing before some gaps, and waits the longest', () => {
    const detector = make(bounds)
    expect(detector.silenceMs).toBe(bounds.mostMs)
    hear(detector, every(50, 7))
    expect(detector.silenceMs).toBe(bounds.mostMs)
  })

  it('waits little longer than a beat where beats are regular', () => {
    const detector = make(bounds)
    hear(detector, every(50, 100))
    expect(detector.silenceMs).toBeGreaterThan(50)
    expect(detector.silenceMs).toBeLessThan(100)
  })

  it('waits longer where they are not, and less again after they were regular for a while', () => {
    const detector = make(bounds)
    let now = hear(detector, every(50, 100))
    const calm = detector.silenceMs
    now = hear(detector, [50, 300, 50, 50, 200, 50], now)
    const storm = detector.silenceMs
    expect(storm).toBeGreaterThan(2 * calm)
    hear(detector, every(50, 100), now)
    expect(detector.silenceMs).toBeLessThan(storm / 2)
  })

  it('takes what is read at once for one sign of life', () => {
    const [one, other] = [make(bounds), make(bounds)]
    for (let now = 0; now < 2000; now += 50) {
      one.heard(now)
      for (let copy = 0; copy < 5; copy++) other.heard(now + copy * 0.01)
    }
    expect(other.silenceMs).toBe(one.silenceMs)
  })

  it('learns nothing from a gap in which the watcher itself did not run', () => {
    const [one, other] = [make(bounds), make(bounds)]
    const now = hear(one, every(50, 40))
    hear(other, every(50, 40))
    other.resumed(now + 1500)
    hear(one, every(50, 10), now)
    for (let at = 1; at <= 10; at++) other.heard(now + 1500 + 50 * at)
    expect(other.silenceMs).toBeCloseTo(one.silenceMs, 6)
  })

  it('begins anew for another peer', () => {
    const detector = make(bounds)
    const now = hear(detector, every(50, 100))
    detector.reset()
    expect(detector.silenceMs).toBe(bounds.mostMs)
    // The gap between the two peers is none.
    hear(detector, every(40, 8), now + 5000)
    expect(detector.silenceMs).toBeLessThan(100)
  })
})

describe.each([
  ['phi', 1000],
  // Forgets fast, so it knows the deviation less well.
  ['ewma', 100],
] as const)('%s detector, with the gaps of a normal distribution', (name, oneIn) => {
  it(`suspects a live peer less than once in ${oneIn} beats`, () => {
    const chance = chanceOf(7)
    const detector = (kinds.find(([kind]) => kind === name) ?? kinds[0])?.[1](bounds)
    if (detector === undefined) throw new Error(`there is no ${name}`)
    let wrong = 0
    let now = 0
    for (let beat = 0; beat < 20_000; beat++) {
      const gap = Math.max(1, 50 + 8 * normal(chance))
      if (beat > 100 && gap > detector.silenceMs) wrong += 1
      detector.heard((now += gap))
    }
    expect(wrong).toBeLessThan(20_000 / oneIn)
  })
})

describe('phi detector', () => {
  it('is minus the logarithm of the chance that a live peer is silent for so long', () => {
    // P(Z > z) of the normal distribution, from its table.
    for (const [deviations, tail] of [
      [0, 0.5],
      [1, 0.158655],
      [1.645, 0.05],
      [2, 0.02275],
      [3, 0.00135],
    ] as const) {
      expect(10 ** -phiOf(deviations)).toBeCloseTo(tail, 3)
    }
    expect(phiOf(-1000)).toBeCloseTo(0, 12)
    expect(Number.isFinite(phiOf(1000))).toBe(true)
  })

  it('is suspicious exactly from the silence on at which phi reaches the threshold', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 10, max: 200 }), { minLength: 10, maxLength: 80 }),
        fc.double({ min: 1, max: 16, noNaN: true }),
        (gaps, threshold) => {
          const detector = phiDetector({ leastMs: 0, mostMs: 1e9, minDeviationMs: 1, threshold })
          hear(detector, gaps)
          expect(detector.phi(detector.silenceMs)).toBeCloseTo(threshold, 6)
          expect(detector.phi(detector.silenceMs - 1)).toBeLessThan(threshold)
        },
      ),
    )
  })

  it('is no hair trigger on a network where every gap is the same', () => {
    const detector = phiDetector({ leastMs: 0, mostMs: 1e9, minDeviationMs: 5 })
    hear(detector, every(50, 1000))
    // Without a least deviation the first beat that is late by anything would be impossible.
    expect(detector.silenceMs).toBeGreaterThan(50 + 5 * 5)
  })

  it('adds the pause that is acceptable', () => {
    const options = { leastMs: 0, mostMs: 1e9, minDeviationMs: 5 }
    const [plain, patient] = [phiDetector(options), phiDetector({ ...options, acceptablePauseMs: 300 })]
    hear(plain, every(50, 50))
    hear(patient, every(50, 50))
    expect(patient.silenceMs).toBeCloseTo(plain.silenceMs + 300, 6)
  })

  it('forgets what is older than its window', () => {
    const detector = phiDetector({ leastMs: 0, mostMs: 1e9, minDeviationMs: 5, windowSize: 20 })
    const other = phiDetector({ leastMs: 0, mostMs: 1e9, minDeviationMs: 5, windowSize: 20 })
    const now = hear(detector, every(1000, 500))
    hear(detector, every(30, 20), now)
    hear(other, every(30, 20))
    expect(detector.silenceMs).toBeCloseTo(other.silenceMs, 6)
  })
})

describe('Ewma', () => {
  it('is what RFC 6298 computes', () => {
    const estimate = new Ewma()
    estimate.add(100)
    expect([estimate.mean, estimate.deviation]).toEqual([100, 50])
    estimate.add(180)
    expect(estimate.deviation).toBeCloseTo(0.75 * 50 + 0.25 * 80, 9)
    expect(estimate.mean).toBeCloseTo(0.875 * 100 + 0.125 * 180, 9)
  })

  it('stays among its samples', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 }),
        (samples) => {
          const estimate = new Ewma()
          for (const sample of samples) estimate.add(sample)
          expect(estimate.mean).toBeGreaterThanOrEqual(Math.min(...samples) - 1e-6)
          expect(estimate.mean).toBeLessThanOrEqual(Math.max(...samples) + 1e-6)
          expect(estimate.deviation).toBeGreaterThanOrEqual(0)
        },
      ),
    )
  })
})

function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next())
}

/** The same in every run. */
function chanceOf(seed: number): () => number {
  const random = seededRandom(seed)
  return () => random.next()
}
