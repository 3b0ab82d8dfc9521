import { expect, test } from 'vitest'
import { runClassicSeed } from './run-classic.ts'

const seeds = Array.from({ length: 60 }, (_, at) => String(at + 1))

test('under loss, cuts, crashes and false evidence every claim is put to the test, and holds', () => {
  const checked = new Map<string, number>()
  let elections = 0
  for (const seed of seeds) {
    const faults = [Number(seed) % 2 === 0 ? 'storm' : 'all'] as const
    const run = runClassicSeed(seed, { faults, simulatedMs: 20_000, peers: [2, 5] })
    expect(run.violations.map(({ invariant, message }) => `seed ${seed}: ${invariant}: ${message}`)).toEqual(
      [],
    )
    elections += run.elections
    for (const [claim, times] of Object.entries(run.checked))
      checked.set(claim, (checked.get(claim) ?? 0) + times)
  }
  expect(elections).toBeGreaterThan(seeds.length)
  expect([...checked].filter(([, times]) => times === 0)).toEqual([])
})

test('the same seed gives the same run', () => {
  const [one, again, other] = ['7', '7', '8'].map((seed) => runClassicSeed(seed, { simulatedMs: 10_000 }))
  expect(again?.traceHash).toBe(one?.traceHash)
  expect(other?.traceHash).not.toBe(one?.traceHash)
})

test('two who each believe that the other leads learn that nobody does: the ends of both reigns were lost', () => {
  const { violations } = runClassicSeed('9233', { faults: ['all'], simulatedMs: 30_000, peers: [2, 7] })
  expect(violations.map(({ message }) => message)).toEqual([])
})

// Compared by a difference, the instant that the core had asked for had not come by a rounding error, and was asked for again.
test('no peer asks for ever for an instant that has come', () => {
  const { violations } = runClassicSeed('1754', { faults: ['storm'], simulatedMs: 30_000, peers: [3, 7] })
  expect(violations).toEqual([])
})
