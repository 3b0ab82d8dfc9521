/** The bare Paxos cores under seeds: nothing is violated, much happens, and a seed repeats itself. */
import { expect, it } from 'vitest'
import { runPaxosSeed } from './run-paxos.ts'

it('finds nothing in its first seeds, in which all claims are put to the test', () => {
  const checked: Record<string, number> = {}
  const injected = new Set<string>()
  let elections = 0
  for (let seed = 1; seed <= 16; seed += 1) {
    const run = runPaxosSeed(String(seed), { simulatedMs: 25_000, peers: [3, 5] })
    expect({ seed, violations: run.violations }).toEqual({ seed, violations: [] })
    elections += run.elections
    for (const fault of Object.keys(run.injected)) injected.add(fault)
    for (const [claim, times] of Object.entries(run.checked)) checked[claim] = (checked[claim] ?? 0) + times
  }
  expect(elections).toBeGreaterThan(200)
  expect(Object.entries(checked).filter(([, times]) => times === 0)).toEqual([])
  for (const fault of ['crash', 'cut', 'pause', 'late', 'false evidence']) expect(injected).toContain(fault)
}, 120_000)

it('plays a seed the same way each time', () => {
  const options = { simulatedMs: 10_000, peers: [3, 5] } as const
  expect(runPaxosSeed('7', options).traceHash).toBe(runPaxosSeed('7', options).traceHash)
})
