import { expect, test } from 'vitest'
import { drawPlan } from './draw-plan.ts'
import type { HistoryEvent } from './history.ts'
import type { Action, Plan } from './plan.ts'
import { runPlan, type SeedResult } from './run.ts'

/** A quiet cluster of three, to which this is done. */
function quiet(actions: readonly Action[], { protocol, ...options }: Partial<Plan> = {}): Plan {
  return {
    ...drawPlan('world', {
      protocol: protocol ?? 'raft',
      faults: ['none'],
      peers: [3, 3],
      simulatedMs: 20_000,
    }),
    actions,
    ...options,
  }
}

async function played(plan: Plan): Promise<{ readonly result: SeedResult; readonly events: HistoryEvent[] }> {
  const events: HistoryEvent[] = []
  const result = await runPlan(plan, { record: (event) => events.push(event) })
  expect(result.violations.map(({ invariant, message }) => `${invariant}: ${message}`)).toEqual([])
  return { result, events }
}

type Of<Type extends HistoryEvent['type']> = HistoryEvent & { readonly type: Type }

function of<Type extends HistoryEvent['type']>(events: readonly HistoryEvent[], type: Type): Of<Type>[] {
  return events.filter((event): event is Of<Type> => event.type === type)
}

test('a quiet cluster has one leader from start to end', async () => {
  const { result, events } = await played(quiet([]))
  expect(result.elections).toBe(1)
  expect(result.raftElections).toBe(1)
  expect(result.injected).not.toHaveProperty('crash')
  expect(of(events, 'lost')).toEqual([])
})

test('the holder of an election dies: another leads, and it comes back as a run of its own', async () => {
  const { result, events } = await played(
    quiet([{ at: 5000, type: 'crash', process: '@holder', backAfterMs: 500 }]),
  )
  const [first, second] = of(events, 'elected')
  const [crashed] = of(events, 'crashed')
  expect(crashed?.process).toBe(first?.process)
  expect(second?.process).not.toBe(first?.process)
  expect(result.injected['crash']).toBe(1)
  expect(
    of(events, 'started')
      .filter(({ process }) => process === first?.process)
      .map(({ run }) => run),
  ).toEqual([1, 2])
})

test.each(['paxos', 'bully'] as const)(
  'the same with %s, where no peer leads the cluster',
  async (protocol) => {
    const { result, events } = await played(
      quiet([{ at: 5000, type: 'crash', process: '@holder', backAfterMs: 500 }], { protocol }),
    )
    const [first, second] = of(events, 'elected')
    expect(second?.process).not.toBe(first?.process)
    expect(result).toMatchObject({ elections: 2, raftElections: 0, injected: { crash: 1 } })
    expect(result.checked['won-by-majority']).toBe(2)
    // What only Raft has is left out, and what replaces it is there.
    expect(result.checked).not.toHaveProperty('log-matching')
    expect(of(events, 'asked').some(({ request }) => request.type === 'keepalive')).toBe(true)
  },
)

test('in a bully cluster a client watches, and is refused when it stands', async () => {
  const plan = quiet([{ at: 5000, type: 'campaign', place: 3 }], { protocol: 'bully' })
  const [peer] = plan.processes
  const [place] = plan.places
  if (peer === undefined || place === undefined) throw new Error('nobody takes part')
  const client = { ...peer, name: 'c1', isPeer: false }
  const watches = { ...place, process: 'c1', candidate: 'c1', campaigns: null, observes: true }
  const { events } = await played({
    ...plan,
    processes: [...plan.processes, client],
    places: [...plan.places, watches],
  })
  expect(of(events, 'not-elected')).toMatchObject([{ process: 'c1', code: 'UNSUPPORTED' }])
  expect(of(events, 'observed').some(({ state }) => state.is === 'led')).toBe(true)
})

test.each(['clock', 'timer', 'send', 'append'] as const)(
  'a process dies at a %s call: nothing is told, sent or written by that run afterwards',
  async (call) => {
    const { result, events } = await played(
      quiet([
        { at: 4990, type: 'crash', process: '@raft', backAfterMs: 100 },
        { at: 5000, type: 'crash-at', process: 'p1', call, count: 3, backAfterMs: 800 },
        { at: 5001, type: 'crash', process: 'p2', backAfterMs: 100 },
      ]),
    )
    expect(result.injected[`crash at ${call}`]).toBe(1)
    const death = of(events, 'crashed').find(({ process, at }) => process === 'p1' && at >= 5000)
    const after = events.filter(
      ({ process, run, sequence }) =>
        process === 'p1' && run === death?.run && sequence > (death?.sequence ?? 0),
    )
    expect(death).toBeDefined()
    // A write that had left for the resource arrives there all the same.
    expect(after.filter(({ type }) => type !== 'wrote')).toEqual([])
  },
)

test('a healed core is whole, and what is outside of it stays as it is, for ever', async () => {
  const { events } = await played(
    quiet(
      [
        { at: 4000, type: 'cut', shape: 'all', ways: [['*', '*']], forMs: null },
        { at: 4500, type: 'crash', process: 'p3', backAfterMs: null },
        { at: 6900, type: 'start', process: 'p3' },
      ],
      { mode: 'liveness', core: ['p1', 'p2'], healAtMs: 7000 },
    ),
  )
  expect(of(events, 'healed')).toMatchObject([{ core: ['p1', 'p2'], forEver: true }])
  const heard = of(events, 'received').filter(({ at }) => at > 7000)
  const ways = new Set(heard.map(({ from, process }) => `${from}>${process}`))
  expect([...ways].toSorted()).toEqual(['p1>p2', 'p2>p1'])
})

test('in safety mode everybody is healed and runs again', async () => {
  const { events } = await played(
    quiet(
      [
        { at: 4000, type: 'cut', shape: 'all', ways: [['*', '*']], forMs: null },
        { at: 4500, type: 'power-loss', process: 'p3', backAfterMs: null },
        { at: 4600, type: 'stall', process: 'p2', forMs: 100_000 },
      ],
      { healAtMs: 7000 },
    ),
  )
  const ways = new Set(
    of(events, 'received')
      .filter(({ at }) => at > 7000)
      .map(({ from, process }) => `${from}>${process}`),
  )
  expect(ways.size).toBe(6)
})

test('a folder that was restored from an earlier start is turned away, however often it is started', async () => {
  const starts = Array.from({ length: 12 }, (_, index) => 5500 + 300 * index)
  const { result, events } = await played(
    quiet(
      [
        { at: 3000, type: 'snapshot', process: 'p3' },
        { at: 3100, type: 'crash', process: 'p3', backAfterMs: 100 },
        { at: 5000, type: 'restore', process: 'p3' },
        ...starts.map((at) => ({ at, type: 'crash', process: 'p3', backAfterMs: 50 }) as const),
      ],
      { core: ['p1', 'p2'], healAtMs: 10_000 },
    ),
  )
  expect(result.injected['older folder restored']).toBe(1)
  expect(result.injected['peer turned away']).toBeGreaterThan(0)
  expect(of(events, 'recovered').filter(({ process }) => process === 'p3')).toHaveLength(15)
  const carried = of(events, 'received').filter(({ from, process }) => [from, process].includes('p3'))
  expect(carried.filter(({ at }) => at > 5200)).toEqual([])
})

test('a damaged log is refused, and its peer stays off', async () => {
  const { events } = await played(
    quiet([{ at: 3000, type: 'bit-flip', process: 'p3' }], { core: ['p1', 'p2'], healAtMs: 10_000 }),
  )
  expect(of(events, 'refused')).toMatchObject([{ process: 'p3', code: 'DATA_CORRUPT' }])
  expect(of(events, 'received').filter(({ at, process }) => process === 'p3' && at > 3500)).toEqual([])
})

test('a peer whose disk fails stops, and is started again', async () => {
  const { result, events } = await played(
    quiet([
      { at: 3000, type: 'disk-fail', process: '@raft', how: 'fsync' },
      { at: 3001, type: 'crash', process: 'p2', backAfterMs: 100 },
      { at: 3002, type: 'crash', process: '@holder', backAfterMs: 100 },
    ]),
  )
  expect(result.elections).toBeGreaterThan(1)
  expect(of(events, 'ended')).toHaveLength(1)
})

test('a violation carries the events before it, and the same run without a record finds the same', async () => {
  const plan = quiet([{ at: 5000, type: 'crash', process: '@holder', backAfterMs: 500 }])
  const invariant = {
    name: 'nobody-dies',
    claim: 'A claim that does not hold.',
    types: ['crashed' as const],
    check: () => ({
      evaluations: 1,
      observe: (event: HistoryEvent) => {
        throw new Error(`${event.process} died`)
      },
    }),
  }
  const result = await runPlan(plan, { invariants: [invariant] })
  expect(result.violations).toHaveLength(1)
  expect(result.violations[0]).toMatchObject({ invariant: 'nobody-dies', atMs: 5000 })
  expect(result.violations[0]?.lastEvents.at(-1)).toMatchObject({ type: 'crashed', at: 5000 })
  expect(result.simulatedMs).toBe(5000)
})

test('a rejection that nobody handles is a violation of the seed in which it happens', async () => {
  // The test runner listens as well, and would fail the whole run.
  const listeners = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  try {
    const careless = {
      name: 'careless',
      claim: 'It rejects, and nobody handles it.',
      types: ['elected' as const],
      check: () => ({
        evaluations: 1,
        observe: () => void Promise.reject(new Error('nobody cares')),
      }),
    }
    const result = await runPlan(quiet([]), { invariants: [careless] })
    expect(result.violations).toMatchObject([{ invariant: 'no-unhandled-rejection' }])
    expect(result.violations[0]?.message).toContain('nobody cares')
    expect((await runPlan(quiet([]))).violations).toEqual([])
  } finally {
    for (const listener of listeners) process.on('unhandledRejection', listener)
  }
})
