import { expect, it } from 'vitest'
import type { SeedSummary } from './summary.ts'
import { sweep, type SeedWorker } from './sweep.ts'
import { noTotals, withSeed } from './totals.ts'

function summary(seed: string, broken = false): SeedSummary {
  return {
    seed,
    mode: 'safety',
    peers: 3 + (Number(seed) % 3),
    simulatedMs: 1000,
    elections: 2,
    raftElections: 1,
    events: 10,
    injected: { crash: 1 },
    checked: { claim: Number(seed) },
    traceHash: `hash ${seed}`,
    violations: broken ? [{ invariant: 'claim', atMs: 1, message: 'broken', lines: [] }] : [],
  }
}

/** Later seeds are done sooner. */
const hasty = (broken: readonly string[] = []): SeedWorker => ({
  run: async (seed) => {
    for (let turns = 20 - Number(seed); turns > 0; turns--) await Promise.resolve()
    return summary(seed, broken.includes(seed))
  },
})

async function swept(
  workers: number,
  options: Partial<Parameters<typeof sweep>[0]> = {},
  broken: string[] = [],
) {
  const seen: SeedSummary[] = []
  await sweep({
    workers: Array.from({ length: workers }, () => hasty(broken)),
    firstSeed: 1n,
    seeds: 10,
    mayStart: () => true,
    done: (one) => seen.push(one),
    signal: new AbortController().signal,
    ...options,
  })
  return seen
}

it('takes results in the order of the seeds, however many workers there are', async () => {
  const totals = await Promise.all(
    [1, 2, 5].map(async (workers) => (await swept(workers)).reduce(withSeed, noTotals)),
  )
  expect(totals[0]).toMatchObject({
    seeds: 10,
    simulatedMs: 10_000,
    peers: [3, 5],
    injected: { crash: 10 },
    checked: { claim: 55 },
  })
  expect(totals[1]).toEqual(totals[0])
  expect(totals[2]).toEqual(totals[0])
})

it('hashes the traces in their order: another seed, or another order, is another hash', async () => {
  const seeds = await swept(1)
  const hash = (list: readonly SeedSummary[]): string => list.reduce(withSeed, noTotals).traceHash
  expect(hash(seeds.toReversed())).not.toBe(hash(seeds))
  expect(hash(seeds.slice(1))).not.toBe(hash(seeds))
})

it('ends with the first violation, which is the same whoever found a later one before', async () => {
  for (const workers of [1, 2, 5]) {
    const seen = await swept(workers, {}, ['4', '6', '7'])
    expect(seen.map(({ seed }) => seed)).toEqual(['1', '2', '3', '4'])
  }
})

it('starts nothing more once the time is over', async () => {
  let starts = 0
  expect(await swept(2, { seeds: null, mayStart: () => starts++ < 4 })).toHaveLength(4)
})

it('drops what is under way when it is aborted, and tells no seed behind a gap', async () => {
  const controller = new AbortController()
  const seen: string[] = []
  await sweep({
    workers: [hasty(), { run: () => new Promise(() => undefined) }],
    firstSeed: 1n,
    seeds: 10,
    mayStart: () => {
      if (seen.length === 1) controller.abort()
      return true
    },
    done: ({ seed }) => seen.push(seed),
    signal: controller.signal,
  })
  expect(seen).toEqual(['1'])
})

it('fails when a worker does', async () => {
  const failing: SeedWorker = { run: () => Promise.reject(new Error('the simulator itself')) }
  await expect(swept(0, { workers: [failing] })).rejects.toThrow('the simulator itself')
})
