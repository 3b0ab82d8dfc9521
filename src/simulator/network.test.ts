import { expect, test } from 'vitest'
import type { End } from './network.ts'
import type { RouteQuality } from './route.ts'
import { Stream } from './streams.ts'
import { stage, type Stage, type StageProcess } from './testing/stage.ts'

interface Line {
  readonly world: Stage
  readonly a: StageProcess
  readonly b: StageProcess
  readonly near: End
  readonly far: End
}

const calm: Partial<RouteQuality> = { minMs: 1, maxMs: 1, faulty: false }

/** A connection from `a` to `b`; what arrives at either, or ends it, is told. */
async function line(coalescing = 0): Promise<Line> {
  const world = stage(calm, coalescing)
  const [a, b] = [world.add('a'), world.add('b')]
  let far: End | undefined
  let near: End | undefined
  const events = (who: string) => ({
    frame: (message: unknown) => world.tell(`${who} hears ${String(message)}`),
    closed: (reason: string) => world.tell(`${who}: ${reason}`),
  })
  world.network.listen({
    process: b.process,
    accept: (end) => {
      far = end
      end.take(events('b'))
      end.send('welcome', 0, 0, true)
    },
  })
  world.inside(a.process, () =>
    world.network.dial(a.process, 'b', 'hello', {
      failed: (kind) => world.tell(`dial ${kind}`),
      answered: (end) => {
        near = end
        end.take(events('a'))
      },
    }),
  )
  await world.pass(100)
  if (near === undefined || far === undefined) throw new Error(`no connection: ${world.told.join()}`)
  return { world, a, b, near, far }
}

function send({ world, near }: Line, count: number): void {
  world.inside(near.process, () => {
    for (let i = 1; i <= count; i++) near.send(i, 0, 0, false)
  })
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)
const heard = ({ world }: Line): number[] =>
  world.told.filter((told) => told.includes('b hears')).map((told) => Number(told.split(' ').at(-1)))
const struck = ({ world }: Line, fault: string): number => world.struck.get(fault) ?? 0
const weather = ({ world }: Line, quality: Partial<RouteQuality>): void => {
  const route = world.network.route('a', 'b')
  route.quality = { ...route.quality, ...quality, faulty: true }
}

function dial({ world, a }: Line, to: string): void {
  world.inside(a.process, () =>
    world.network.dial(a.process, to, 'hello', {
      failed: (kind) => world.tell(`dial ${kind}`),
      answered: () => world.tell('dial answered'),
    }),
  )
}

test('a lane keeps its order, whatever delays are drawn', async () => {
  const one = await line()
  weather(one, { minMs: 1, maxMs: 80 })
  send(one, 50)
  await one.world.pass(200)
  expect(heard(one)).toEqual(upTo(50))
})

test('a lost packet delays what is behind it, and nothing is missing', async () => {
  const one = await line()
  weather(one, { loss: 0.2 })
  send(one, 50)
  await one.world.pass(100)
  expect(heard(one).length).toBeLessThan(50)
  await one.world.pass(1000)
  expect(heard(one)).toEqual(upTo(50))
  expect(struck(one, 'packet lost')).toBeGreaterThan(0)
})

test.each(['drop', 'duplicate', 'reorder', 'spike'] as const)(
  'a route with %s does just that',
  async (fault) => {
    const one = await line()
    weather(one, { [fault]: 0.3, spikeMs: 500 })
    send(one, 60)
    await one.world.pass(100)
    const soon = heard(one)
    await one.world.pass(2000)
    const all = heard(one)
    const different = new Set(all)
    const inOrder = all.every((message, index) => index === 0 || message > (all[index - 1] as number))
    expect(different.size < 60, 'lost').toBe(fault === 'drop')
    expect(all.length > different.size, 'twice').toBe(fault === 'duplicate')
    expect(!inOrder, 'out of order').toBe(fault === 'duplicate' || fault === 'reorder')
    if (fault === 'spike') expect(soon.length).toBeLessThan(60)
  },
)

test('a lane keeps its order through cuts that come and go, and come again while the first retry waits', async () => {
  const one = await line()
  const chance = new Stream('cuts')
  const route = one.world.network.route('a', 'b')
  weather(one, { minMs: 1, maxMs: 40, loss: 0.1 })
  let sent = 0
  for (let round = 0; round < 400; round++) {
    if (chance.chance(0.3)) route.cut()
    else if (chance.chance(0.4)) route.mend()
    one.world.inside(one.a.process, () => {
      for (let count = chance.below(3); count > 0; count--) one.near.send(++sent, 0, 0, true)
    })
    await one.world.pass(chance.between(0, 30))
  }
  route.mend()
  await one.world.pass(30_000)
  expect(heard(one)).toEqual(upTo(sent))
})

test('where only TCP may be, nothing is lost, doubled or overtaken', async () => {
  const one = await line()
  weather(one, { drop: 0.5, duplicate: 0.5, reorder: 0.5 })
  one.world.inside(one.a.process, () => {
    for (const message of upTo(30)) one.near.send(message, 0, 0, true)
  })
  await one.world.pass(500)
  expect(heard(one)).toEqual(upTo(30))
})

test('what was sent into a cut comes when it is mended, in order and not overtaken, at the latest after as long again', async () => {
  const one = await line()
  one.world.network.route('a', 'b').cut()
  send(one, 5)
  await one.world.pass(1000)
  expect(heard(one)).toEqual([])
  one.world.network.route('a', 'b').mend()
  one.world.inside(one.a.process, () => one.near.send(6, 0, 0, false))
  await one.world.pass(1010)
  expect(heard(one)).toEqual(upTo(6))
  expect(struck(one, 'late flush')).toBe(1)
})

test('one way alone carries a window of packets and no more, until acknowledgements come again', async () => {
  const one = await line()
  one.world.network.route('b', 'a').cut()
  send(one, 30)
  await one.world.pass(100)
  expect(heard(one)).toEqual(upTo(10))
  expect(one.near.unansweredMs).toBeGreaterThanOrEqual(99)
  one.world.network.route('b', 'a').mend()
  await one.world.pass(200)
  expect(heard(one)).toEqual(upTo(30))
})

test('a reset in between ends the connection for both, and what is under way with it', async () => {
  const one = await line()
  send(one, 3)
  expect(one.world.network.reset('a', 'b')).toBe(true)
  await one.world.pass(50)
  expect(one.world.told.slice(-2).toSorted()).toEqual(['100 a: connection reset', '100 b: connection reset'])
  expect(heard(one)).toEqual([])
  expect(one.world.network.reset('a', 'b')).toBe(false)
})

test('the death of a process ends its connections, and who dials it again is refused', async () => {
  const one = await line()
  one.b.process.die()
  await one.world.pass(50)
  expect(one.world.told.at(-1)).toMatch(/^101 a: connection (closed|reset)$/)
  dial(one, 'b')
  await one.world.pass(50)
  expect(one.world.told.at(-1)).toBe('152 dial refused')
})

test('a machine without power ends nothing and refuses nobody', async () => {
  const one = await line()
  one.b.up = false
  one.b.process.die()
  send(one, 1)
  dial(one, 'b')
  await one.world.pass(500)
  expect(one.world.told.filter((told) => !told.includes('hears'))).toEqual([])
  await one.world.pass(1000)
  expect(one.world.told.at(-1)).toBe('1100 dial unreachable')
  // Once it is back, its kernel knows nothing of the connection.
  one.b.up = true
  send(one, 1)
  await one.world.pass(50)
  expect(one.world.told.at(-1)).toBe('1602 a: connection reset')
})

test('a dial into a cut, or out of one, is not answered', async () => {
  for (const [from, to] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    const one = await line()
    one.world.network.route(from, to).cut()
    dial(one, 'b')
    await one.world.pass(999)
    expect(one.world.told.filter((told) => told.includes('dial'))).toEqual([])
    await one.world.pass(10)
    expect(one.world.told.at(-1)).toBe('1100 dial unreachable')
  }
})

test('what is sent at one instant comes with one read where that is wanted, and in order', async () => {
  for (const [coalescing, reads] of [
    [0, 5],
    [1, 1],
  ] as const) {
    const one = await line(coalescing)
    one.world.network.route('a', 'b').quality = {
      ...one.world.network.route('a', 'b').quality,
      faulty: false,
    }
    send(one, 5)
    await one.world.pass(0.5)
    const before = one.world.scheduler.events
    await one.world.pass(20)
    expect(one.world.scheduler.events - before).toBe(reads)
    expect(heard(one)).toEqual(upTo(5))
  }
})
