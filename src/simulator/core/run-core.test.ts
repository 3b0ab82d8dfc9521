import { describe, expect, it } from 'vitest'
import { noTotals, withSeed } from '../sweep/totals.ts'
import { runCoreSeed } from './run-core.ts'

describe('a run of the bare cores', () => {
  it('is a function of its seed: the same trace each time, another one for another seed', () => {
    const run = (seed: string) => runCoreSeed(seed, { faults: ['storm'], simulatedMs: 20_000 })
    expect(run('7')).toEqual(run('7'))
    expect(run('8').traceHash).not.toBe(run('7').traceHash)
  })

  it('of a cluster to which nothing is done has one Raft leader and one leadership', () => {
    const quiet = runCoreSeed('1', { faults: ['none'], peers: [5, 5], simulatedMs: 60_000 })
    expect(quiet).toMatchObject({ peers: 5, elections: 1, raftElections: 1, injected: {}, violations: [] })
    expect(quiet.simulatedMs).toBe(60_000)
    // Ten heartbeats a second to four followers, at least.
    expect(quiet.events).toBeGreaterThan(2 * 10 * 4 * 60)
  })

  it('elects with one peer, too', () => {
    const alone = runCoreSeed('1', { faults: ['none'], peers: [1, 1], simulatedMs: 20_000 })
    expect(alone).toMatchObject({ elections: 1, raftElections: 1, violations: [] })
  })

  it('keeps every promise in storms, and puts each of them to the test', () => {
    let totals = noTotals
    for (let seed = 1; seed <= 25; seed++) {
      const summary = runCoreSeed(BigInt(seed), { faults: ['storm'], simulatedMs: 40_000 })
      expect(summary.violations, `seed ${seed}`).toEqual([])
      totals = withSeed(totals, summary)
    }
    expect(totals.elections).toBeGreaterThan(100)
    expect(totals.raftElections).toBeGreaterThan(100)
    expect(totals.modes.safety * totals.modes.liveness).toBeGreaterThan(0)
    for (const fault of ['drop', 'duplicate', 'late', 'cut', 'crash', 'pause', 'slow disk', 'false evidence'])
      expect(totals.injected[fault], fault).toBeGreaterThan(0)
    for (const [claim, times] of Object.entries(totals.checked)) expect(times, claim).toBeGreaterThan(0)
  }, 120_000)
})
