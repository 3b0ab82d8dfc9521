/** A claim that is never put to the test is not checked: the seeds have to reach every one, not only run without finding fault. */
import { expect, test } from 'vitest'
import { invariantsOf } from './invariants/index.ts'
import { runSeed } from './run.ts'
import { protocols } from './sweep/level.ts'

/** These reached every claim when they were chosen. Where a change has moved their worlds, the others follow. */
const rich = { raft: [2, 3], paxos: [1, 6], bully: [1, 2] } as const
const others = Array.from({ length: 100 }, (_, index) => index + 1)

test.each(protocols)(
  'a handful of seeds of %s puts every invariant to the test',
  async (protocol) => {
    const untested = new Set(invariantsOf(protocol).map(({ name }) => name))
    for (const seed of [...rich[protocol], ...others]) {
      if (untested.size === 0) break
      const options = { protocol, simulatedMs: 40_000, peers: [3, 5] } as const
      const { checked, violations } = await runSeed(`evaluations ${seed}`, options)
      expect(violations).toEqual([])
      for (const [name, times] of Object.entries(checked)) if (times > 0) untested.delete(name)
    }
    expect([...untested]).toEqual([])
  },
  120_000,
)
