import { describe, expect, it } from 'vitest'
import { DeadlineWatch } from './deadline-watch.ts'
import type { Deadline } from './deadline-watch.ts'
import { manualClock } from '../testing/manual-clock.ts'

function scene() {
  const clock = manualClock()
  let armed = 0
  const watch = new DeadlineWatch({
    ...clock,
    setTimer: (delayMs, fire) => {
      armed++
      return clock.setTimer(delayMs, fire)
    },
  })
  const expired: string[] = []
  const deadline = (name: string, atMs: number, lookEveryMs = Number.POSITIVE_INFINITY) => {
    const entry: Deadline & { atMs: number } = {
      atMs: clock.lower() + atMs,
      lookEveryMs,
      remainingMs: () => Math.max(0, entry.atMs - clock.lower()),
      expire: () => {
        expired.push(`${name} at ${clock.trueMs()}`)
        watch.remove(entry)
      },
    }
    watch.add(entry)
    return entry
  }
  return { clock, watch, expired, deadline, armed: () => armed }
}

describe('DeadlineWatch', () => {
  it('needs one timer for thousands of deadlines, and none after the last', () => {
    const { clock, watch, deadline } = scene()
    const all = Array.from({ length: 5000 }, (_, index) => deadline(`${index}`, 1000))
    expect(clock.pendingTimers()).toBe(1)
    for (const each of all) watch.remove(each)
    expect(clock.pendingTimers()).toBe(0)
  })

  it('takes no notice of renewals until the timer fires', () => {
    const { clock, deadline, expired, armed } = scene()
    const entry = deadline('a', 1000)
    for (let passed = 0; passed < 900; passed += 100) {
      clock.advance(100)
      entry.atMs = clock.lower() + 1000
    }
    expect(armed()).toBe(1)
    clock.advance(100)
    expect(armed()).toBe(2)
    clock.advance(900)
    expect(expired).toEqual(['a at 1900'])
    expect(clock.pendingTimers()).toBe(0)
  })

  it('fires for the earliest, whichever came first, and goes on with the rest', () => {
    const { clock, deadline, expired } = scene()
    deadline('late', 1000)
    deadline('early', 200)
    deadline('between', 500)
    clock.advance(2000)
    expect(expired).toEqual(['early at 200', 'between at 500', 'late at 1000'])
  })

  it('looks now and then, for a machine that slept has passed a deadline without its timer', () => {
    const { clock, deadline, expired } = scene()
    const entry = deadline('a', 1000, 125)
    clock.advance(300)
    entry.atMs = clock.lower()
    clock.advance(100)
    expect(expired).toEqual(['a at 375'])
  })

  it('waits whole milliseconds: a rest below the resolution is no reason to spin', () => {
    const { clock, deadline, armed, expired } = scene()
    deadline('a', 0.0000001)
    clock.advance(1)
    expect(expired).toEqual(['a at 1'])
    expect(armed()).toBe(1)
  })

  it('looks at once when told to', () => {
    const { clock, watch, deadline, expired } = scene()
    const entry = deadline('a', 1000)
    entry.atMs = clock.lower()
    watch.lookSoon()
    expect(expired).toEqual([])
    clock.advance(0)
    expect(expired).toEqual(['a at 0'])
  })
})
