import { describe, expect, it } from 'vitest'
import type { Recorded } from './event-log.ts'
import { beliefs, overlapMs, overlapsMs } from './overlap.ts'

const belief = (pid: number, from: number, until: number) => ({ pid, from, until })

describe('the overlap of beliefs', () => {
  it('is nothing when one ends before or as the next begins', () => {
    expect(overlapMs([belief(1, 0, 10), belief(2, 10, 20), belief(3, 25, 30)])).toBe(0)
  })

  it('is the time in which two hold, however they lie', () => {
    expect(overlapMs([belief(1, 0, 10), belief(2, 7, 20)])).toBe(3)
    expect(overlapMs([belief(1, 0, 10), belief(2, 4, 5)])).toBe(1)
  })

  it('counts a time once, also when three believe', () => {
    expect(overlapMs([belief(1, 0, 10), belief(2, 5, 20), belief(3, 6, 8)])).toBe(5)
  })

  it('is told apart for each time that it happens', () => {
    const all = [belief(1, 0, 10), belief(2, 5, 8), belief(3, 9, 20), belief(4, 12, 15)]
    expect(overlapsMs(all)).toEqual([3, 1, 3])
  })

  it('does not hold a process against itself', () => {
    expect(overlapMs([belief(1, 0, 10), belief(1, 5, 20)])).toBe(0)
  })

  it('takes a single look for no time at all', () => {
    expect(overlapMs([belief(1, 10, 9), belief(2, 0, 20)])).toBe(0)
  })

  it('is taken from the last thing that each leadership said', () => {
    const wrote = (pid: number, token: string, from: number, until: number): Recorded => ({
      ...{ at: until, pid, id: 'a', event: 'wrote', token, number: 1 },
      valid: { from, until },
    })
    const events = [wrote(1, '5', 0, 3), wrote(1, '5', 0, 9), wrote(2, '7', 8, 12), wrote(1, '9', 20, 21)]
    expect(beliefs(events)).toEqual([belief(1, 0, 9), belief(2, 8, 12), belief(1, 20, 21)])
    expect(overlapMs(beliefs(events))).toBe(1)
  })
})
