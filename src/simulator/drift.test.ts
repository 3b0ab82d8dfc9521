/**
 * Exclusivity in time mode rests on `maxClockDrift` and on nothing else: the same story, told with clocks that keep to it
 * and with clocks that do not.
 */
import { expect, test } from 'vitest'
import { drawPlan } from './draw-plan.ts'
import { exclusivity } from './invariants/exclusivity.ts'
import { withdrawnIsOver } from './invariants/withdrawn-is-over.ts'
import type { Plan } from './plan.ts'
import { runPlan } from './run.ts'
import type { Protocol } from './sweep/level.ts'

/** p1 leads and is cut off from all others, who wait; its clock runs so much slower than theirs. */
function cutOffLeader(drift: number, protocol: Protocol = 'raft'): Plan {
  const common = { faults: ['none'], peers: [3, 3], mode: 'safety', simulatedMs: 20_000 } as const
  const plan = drawPlan('drift', { ...common, protocol })
  const others = ['p2', 'p3']
  return {
    ...plan,
    healAtMs: 15_000,
    processes: plan.processes.map((process) => ({
      ...process,
      startsAtMs: 0,
      clockTickMs: 0,
      clockRate: process.name === 'p1' ? 1 - drift : 1 + drift,
    })),
    places: ['p1', ...others].map((process) => ({
      process,
      candidate: process,
      election: 'billing',
      exclusivity: 'time',
      priority: process === 'p1' ? 1 : 0,
      campaigns: process === 'p1' ? 'campaign' : null,
      holdsMs: null,
      restsMs: [1, 2],
      ails: false,
      worksMs: 100,
      observes: false,
    })),
    actions: [
      { at: 5_000, type: 'campaign', place: 1 },
      { at: 5_000, type: 'campaign', place: 2 },
      {
        at: 6_000,
        type: 'cut',
        shape: 'isolate',
        ways: others.flatMap((other) => [
          ['p1', other],
          [other, 'p1'],
        ]),
        forMs: 8_000,
      },
    ],
  }
}

/** Each checker sees the whole run by itself: the first to find something ends it. */
async function judged(drift: number) {
  const run = (invariant: typeof exclusivity) => runPlan(cutOffLeader(drift), { invariants: [invariant] })
  return { exclusivity: await run(exclusivity), withdrawal: await run(withdrawnIsOver) }
}

test('while all clocks keep to the configured drift nobody overlaps with the leader that was cut off', async () => {
  const within = await judged(1e-3)
  expect(within.exclusivity.violations).toEqual([])
  expect(within.exclusivity.checked['exclusivity']).toBeGreaterThan(0)
  expect(within.withdrawal.violations).toEqual([])
  expect(within.withdrawal.checked['withdrawn-is-over']).toBeGreaterThan(0)
})

test('when they exceed it, two are valid at once, and the checkers see it', async () => {
  const beyond = await judged(0.1)
  expect(beyond.exclusivity.violations.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^'billing' has two valid leaderships at .*: p1 as p1 .* and p[23] /),
  ])
  expect(beyond.withdrawal.violations.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^'billing' is led validly by p1 as p1 .* although /),
  ])
})

test.each(['paxos', 'bully'] as const)('it is the same for %s', async (protocol) => {
  const run = (drift: number) => runPlan(cutOffLeader(drift, protocol), { invariants: [exclusivity] })
  const within = await run(1e-3)
  expect(within.violations).toEqual([])
  expect(within.checked['exclusivity']).toBeGreaterThan(0)
  expect((await run(0.1)).violations.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^'billing' has two valid leaderships at .*: p1 as p1 .* and p[23] /),
  ])
})
