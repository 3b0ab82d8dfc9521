/** A claim that is never put to the test is not checked: the seeds have to reach every one, not only run without finding fault. */
import { expect, test } from 'vitest'
import { invariants } from './invariants/index.ts'
import { runSeed } from './run.ts'

/** Enough by a wide margin: a dozen will do. */
const seedsMax = 100

test('a handful of seeds puts every invariant to the test', async () => {
  const untested = new Set(invariants.map(({ name }) => name))
  for (let seed = 1; seed <= seedsMax && untested.size > 0; seed++) {
    const { checked, violations } = await runSeed(`evaluations ${seed}`, { simulatedMs: 60_000 })
    expect(violations).toEqual([])
    for (const [name, times] of Object.entries(checked)) if (times > 0) untested.delete(name)
  }
  expect([...untested]).toEqual([])
}, 120_000)
