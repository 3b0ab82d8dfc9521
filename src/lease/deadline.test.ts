import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { grantorSilenceMs, holderValidityMs } from './deadline.ts'

/** A lease, its bounds, and two clocks placed in [-1, 1] of `reach` times rho; sent and heard as a network does. */
const settings = fc.record({
  leaseMs: fc.double({ min: 20, max: 1e6, noNaN: true }),
  maxClockDrift: fc.double({ min: 1e-6, max: 0.09, noNaN: true }),
  tickMs: fc.double({ min: 0, max: 5, noNaN: true }),
  delayMs: fc.double({ min: 0, max: 1e5, noNaN: true }),
  holder: fc.double({ min: -1, max: 1, noNaN: true }),
  grantor: fc.double({ min: -1, max: 1, noNaN: true }),
})

type Setting = typeof settings extends fc.Arbitrary<infer Value> ? Value : never

/** True time between the end of the holder's belief and the end of the grantor's silence; negative: an overlap. */
function gapMs(s: Setting, holderRate: number, grantorRate: number): number {
  const believedUntil = holderValidityMs(s.leaseMs, s) / holderRate
  const silentUntil = s.delayMs + grantorSilenceMs(s.leaseMs, s) / grantorRate
  return silentUntil - believedUntil
}

describe('holder and grantor', () => {
  it('never overlap in true time while both clocks stay inside rho', () => {
    fc.assert(
      fc.property(settings, (s) => {
        const rate = (place: number) => 1 + place * s.maxClockDrift
        expect(gapMs(s, rate(s.holder), rate(s.grantor))).toBeGreaterThanOrEqual(-1e-6)
      }),
    )
  })

  it('overlap once a slow holder and a fast grantor leave rho, so that the bound is not idle', () => {
    const s = { leaseMs: 1_000, maxClockDrift: 1e-3, tickMs: 0, delayMs: 0, holder: 0, grantor: 0 }
    expect(gapMs(s, 1 - 1e-3, 1 + 1e-3)).toBeCloseTo(0, 6)
    expect(gapMs(s, 1 - 2e-3, 1 + 2e-3)).toBeLessThan(-1)
  })

  it('overlap if the holder counts from the answer instead of the request', () => {
    const s = { leaseMs: 1_000, maxClockDrift: 1e-3, tickMs: 1, delayMs: 0, holder: 0, grantor: 0 }
    const answerMs = 50
    expect(gapMs(s, 1, 1) - answerMs).toBeLessThan(0)
  })

  it('leave a tick on each side, in ms of their own clocks', () => {
    expect(holderValidityMs(150, { maxClockDrift: 1e-3, tickMs: 1 })).toBeCloseTo(148.85, 9)
    expect(grantorSilenceMs(150, { maxClockDrift: 1e-3, tickMs: 1 })).toBeCloseTo(151.15, 9)
  })
})
