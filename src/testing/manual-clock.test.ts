import { describe, expect, it } from 'vitest'
import { manualClock } from './manual-clock.ts'

describe('manualClock', () => {
  it('fires timers in order of time, then of creation, at their own instant', () => {
    const clock = manualClock()
    const fired: string[] = []
    const note = (name: string) => () => fired.push(`${name}@${clock.trueMs()}`)
    clock.setTimer(20, note('late'))
    clock.setTimer(10, note('first'))
    clock.setTimer(10, note('second'))
    clock.advance(15)
    expect(fired).toEqual(['first@10', 'second@10'])
    clock.advance(5)
    expect(fired.at(-1)).toBe('late@20')
    expect(clock.pendingTimers()).toBe(0)
  })

  it('fires a timer that was set by a timer if it is due within the same advance', () => {
    const clock = manualClock()
    let firedAt = 0
    clock.setTimer(10, () => clock.setTimer(10, () => (firedAt = clock.trueMs())))
    clock.advance(100)
    expect(firedAt).toBe(20)
  })

  it('does not fire a cancelled timer', () => {
    const clock = manualClock()
    let fired = false
    clock.setTimer(10, () => (fired = true)).cancel()
    clock.advance(100)
    expect(fired).toBe(false)
    expect(clock.pendingTimers()).toBe(0)
  })

  it('runs afterPoll behind all timers that are due at that instant', () => {
    const clock = manualClock()
    const order: string[] = []
    clock.afterPoll(() => order.push('poll'))
    clock.setTimer(0, () => order.push('frame'))
    clock.advance(0)
    expect(order).toEqual(['frame', 'poll'])
  })

  it('lets microtasks run between timers only with advanceAsync', async () => {
    const order: string[] = []
    const run = () => {
      const clock = manualClock()
      clock.setTimer(1, () => void Promise.resolve().then(() => order.push('micro')))
      clock.setTimer(2, () => order.push('second'))
      return clock
    }
    run().advance(5)
    await Promise.resolve()
    await run().advanceAsync(5)
    expect(order).toEqual(['second', 'micro', 'micro', 'second'])
  })

  it('moves wall and boot time but not monotonic time while suspended, which the holder sees', () => {
    const clock = manualClock()
    const since = clock.upper()
    const lower = clock.lower()
    let fired = false
    clock.setTimer(100, () => (fired = true))
    clock.suspend(1_000)
    expect(clock.lower()).toBe(lower)
    expect(fired).toBe(false)
    expect(clock.elapsedMs(since)).toBe(Number.POSITIVE_INFINITY)
    clock.advance(100)
    expect(fired).toBe(true)
  })

  it('fires timers late after a stall, while the clocks ran on', () => {
    const clock = manualClock()
    const since = clock.upper()
    let firedAt = 0
    clock.setTimer(100, () => (firedAt = clock.elapsedMs(since)))
    clock.stall(1_000)
    expect(firedAt).toBe(0)
    clock.advance(0)
    expect(firedAt).toBe(1_000)
  })

  it('takes a forward wall step as possible loss, counts a little more after a backward one', () => {
    const clock = manualClock()
    const since = clock.upper()
    clock.stepWall(-5_000)
    clock.advance(10)
    expect(clock.elapsedMs(since)).toBe(20)
    clock.stepWall(10_000)
    expect(clock.elapsedMs(since)).toBe(Number.POSITIVE_INFINITY)
    const ignoring = manualClock({ onClockStep: 'ignore' })
    const anchor = ignoring.upper()
    ignoring.stepWall(10_000)
    ignoring.advance(7)
    expect(ignoring.elapsedMs(anchor)).toBe(7)
  })

  it('gives each sibling its own rate on one true time', () => {
    const clock = manualClock()
    const fast = clock.sibling({ rate: 2 })
    const order: string[] = []
    clock.setTimer(60, () => order.push(`true ${clock.trueMs()}`))
    fast.setTimer(100, () => order.push(`fast ${fast.trueMs()}`))
    const start = fast.lower()
    fast.advance(70)
    expect(order).toEqual(['fast 50', 'true 60'])
    expect(fast.lower() - start).toBe(140)
  })

  it('never fires before its delay by lower(), whatever the rate', () => {
    for (const rate of [0.999, 1.001, 1 / 3, 7.77]) {
      const clock = manualClock({ rate })
      const start = clock.lower()
      let elapsed = -1
      clock.setTimer(0.1 + 333.3, () => (elapsed = clock.lower() - start))
      clock.advance(10_000)
      expect(elapsed).toBeGreaterThanOrEqual(333.4 - 1e-9)
    }
  })

  it('refuses to advance from inside a timer, and backwards', () => {
    const clock = manualClock()
    let error: unknown
    clock.setTimer(1, () => {
      try {
        clock.advance(1)
      } catch (caught) {
        error = caught
      }
    })
    clock.advance(2)
    expect(String(error)).toContain('already advancing')
    expect(() => clock.advance(-1)).toThrow('-1')
  })
})
