import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LocalHealth } from './local-health.ts'

describe('local health', () => {
  it('adds nothing while timers are on time', () => {
    const health = new LocalHealth({ mostMs: 500 })
    for (let now = 0; now < 1000; now += 10) health.late(5, now)
    expect(health.marginMs(1000)).toBe(0)
    expect(health.graceMs(5)).toBe(0)
  })

  it('adds the worst lag of late, fading with its half-life', () => {
    const health = new LocalHealth({ mostMs: 500, halfLifeMs: 1000 })
    health.late(200, 0)
    health.late(50, 100)
    expect(health.marginMs(0)).toBe(200)
    expect(health.marginMs(1000)).toBeCloseTo(100, 6)
    expect(health.marginMs(20_000)).toBe(0)
  })

  it('never adds or waits more than it may', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(1e6), fc.nat(1e4))), (lags) => {
        const health = new LocalHealth({ mostMs: 500 })
        let now = 0
        for (const [lateMs, passed] of lags) {
          health.late(lateMs, (now += passed))
          expect(health.marginMs(now)).toBeLessThanOrEqual(500)
          expect(health.marginMs(now)).toBeGreaterThanOrEqual(lateMs > 5 ? Math.min(lateMs, 500) : 0)
          expect(health.graceMs(lateMs)).toBeLessThanOrEqual(Math.min(lateMs, 500))
        }
      }),
    )
  })

  it('a greater lag is not forgotten for a smaller one', () => {
    const health = new LocalHealth({ mostMs: 500, halfLifeMs: 1000 })
    health.late(400, 0)
    const before = health.marginMs(500)
    health.late(before / 2, 500)
    expect(health.marginMs(500)).toBeCloseTo(before, 6)
  })

  it('knows whether it was late since an instant', () => {
    const health = new LocalHealth({ mostMs: 500 })
    expect(health.lateSince(-1e9)).toBe(false)
    health.late(100, 50)
    expect(health.lateSince(49)).toBe(true)
    expect(health.lateSince(50)).toBe(false)
  })
})
