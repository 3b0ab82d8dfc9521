import { describe, expect, it, vi } from 'vitest'
import { warmUp } from './raft-warm-up.ts'
import { systemRandom } from '../system/random.ts'
import { seededRandom } from '../testing/seeded-random.ts'

const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('the warm-up', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('plays to its end, whatever chance decides (seed %i)', async (seed) => {
    let pauses = 0
    const counted = (): Promise<void> => {
      pauses++
      return pause()
    }
    const outcome = await warmUp({ random: seededRandom(seed), pause: counted, stopped: () => false })
    expect(outcome).toBe('done')
    expect(pauses).toBeLessThan(500)
  })

  it('sets no timer of the process and reports nothing', async () => {
    const setTimer = vi.spyOn(globalThis, 'setTimeout')
    const warn = vi.spyOn(process, 'emitWarning')
    const outcome = await warmUp({ random: systemRandom(), pause, stopped: () => false })
    const calls = [setTimer.mock.calls.length, warn.mock.calls.length]
    vi.restoreAllMocks()
    expect([outcome, ...calls]).toEqual(['done', 0, 0])
  })

  it('ends between two steps when it is stopped', async () => {
    let left = 20
    const outcome = await warmUp({ random: systemRandom(), pause, stopped: () => left-- <= 0 })
    expect(outcome).toBe('stopped')
    expect(left).toBeGreaterThan(-5)
  })
})
