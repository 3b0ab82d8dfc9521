import { describe, expect, it } from 'vitest'
import { createElection } from './election.ts'
import { memory, memorySpace } from '../backends/memory.ts'
import { manualClock } from '../testing/manual-clock.ts'

describe('smoke', () => {
  it('campaigns', async () => {
    const clock = manualClock()
    const space = memorySpace({ clock })
    const backend = memory({ space })
    const election = createElection({ name: 'x', backend })
    const p = election.campaign()
    await clock.advanceAsync(10)
    const leadership = await p
    expect(leadership.isValid()).toBe(true)
    await clock.advanceAsync(10_000)
    expect(leadership.isValid()).toBe(true)
    const c = election.close()
    await clock.advanceAsync(0)
    await c
    expect(clock.pendingTimers()).toBe(0)
  })
  it('real clock lead', async () => {
    const backend = memory()
    const election = createElection({ name: 'x', backend })
    expect(await election.lead(async ({ token }) => token)).toBe(1n)
    expect((await election.current()).type).toBe('vacant')
    await election.close()
  })
})
