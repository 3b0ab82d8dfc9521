import { expect, test } from 'vitest'
import { runSeed } from './run.ts'
import { protocols } from './sweep/level.ts'

test.each(protocols)('one seed of %s gives the same run twice, event by event', async (protocol) => {
  for (const seed of ['1', '2']) {
    const traces: string[][] = [[], []]
    const results = []
    for (const lines of traces) {
      const trace = (line: string): unknown => lines.push(line)
      results.push(await runSeed(seed, { protocol, simulatedMs: 10_000, trace }))
    }
    expect(traces[0]?.length).toBeGreaterThan(1000)
    expect(traces[0]).toEqual(traces[1])
    expect(results[0]?.traceHash).toBe(results[1]?.traceHash)
  }
})

test('different seeds give different runs', async () => {
  const hashes = new Set<string>()
  for (const seed of ['1', '2', '3']) hashes.add((await runSeed(seed, { simulatedMs: 2000 })).traceHash)
  expect(hashes.size).toBe(3)
})
