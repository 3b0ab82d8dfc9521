import { describe, expect, it } from 'vitest'
import type { Random } from '../seams/random.ts'
import type { TransportEvents } from '../seams/transport.ts'
import { manualClock } from './manual-clock.ts'
import { memoryNetwork } from './memory-network.ts'

function countingRandom(): Random {
  let count = 0
  return { next: () => ((count += 1) * 0.618) % 1, id: () => String((count += 1)).padStart(16, '0') }
}

function setUp(options: { delayMs?: readonly [number, number] } = {}) {
  const clock = manualClock()
  const network = memoryNetwork<string, string, string>({
    clock,
    random: countingRandom(),
    peers: ['a', 'b'],
    ...options,
  })
  const seen: string[] = []
  const watch = (self: string): TransportEvents<string, string> => ({
    peerUp: (peer, incarnation) => seen.push(`${self}: up ${peer} ${incarnation}`),
    peerDown: (peer, reason) => seen.push(`${self}: down ${peer}, ${reason}`),
    peerRefused: (peer) => seen.push(`${self}: refused ${peer}`),
    peerMessage: (from, message) => seen.push(`${self}: ${message} from ${from}`),
    clientMessage: (client, message) => seen.push(`${self}: ${message} from client ${client}`),
    clientGone: (client) => seen.push(`${self}: gone ${client}`),
  })
  const start = async (peer: string, incarnation = 1) => {
    const transport = network.transport(peer, incarnation)
    await transport.start(watch(peer))
    return transport
  }
  const news = () => seen.splice(0)
  return { clock, network, start, news }
}

async function pair(options: { delayMs?: readonly [number, number] } = {}) {
  const world = setUp(options)
  const a = await world.start('a')
  const b = await world.start('b')
  world.clock.advance(100)
  world.news()
  return { ...world, a, b }
}

describe('memoryNetwork', () => {
  it('joins peers that start in any order, without retry timers', async () => {
    const { start, clock, news } = setUp()
    const a = await start('a')
    clock.advance(100)
    expect(a.problem('b')).toBe('connection refused at b')
    expect(clock.pendingTimers()).toBe(0)
    await start('b', 7)
    clock.advance(1)
    expect(news().toSorted()).toEqual(['a: up b 7', 'b: up a 1'])
    expect(a.problem('b')).toBeUndefined()
  })

  it('keeps the order within a lane whatever the delays', async () => {
    const { a, clock, news } = await pair({ delayMs: [1, 50] })
    for (let i = 0; i < 20; i += 1) a.send('b', String(i), 'urgent')
    clock.advance(60)
    expect(news()).toEqual(Array.from({ length: 20 }, (_, i) => `b: ${i} from a`))
  })

  it('reports a killed peer as down, then refused, and its next start with its incarnation', async () => {
    const { network, start, clock, news } = await pair()
    network.crash('b')
    clock.advance(1)
    expect(news()).toEqual(['a: down b, connection closed', 'a: refused b'])
    await start('b', 2)
    clock.advance(1)
    expect(news()).toContain('a: up b 2')
  })

  it('holds frames on a cut route in one direction only, and delivers them late and in order', async () => {
    const { a, b, network, clock, news } = await pair()
    network.cut('a', 'b')
    a.send('b', 'one', 'urgent')
    b.send('a', 'back', 'urgent')
    clock.advance(10)
    a.send('b', 'two', 'urgent')
    clock.advance(10)
    expect(news()).toEqual(['a: back from b'])
    network.heal()
    expect(news()).toEqual(['b: one from a', 'b: two from a'])
  })

  it('loses frames with the link that is reset, and is not refused afterwards', async () => {
    const { a, network, clock, news } = await pair({ delayMs: [5, 5] })
    a.send('b', 'lost', 'urgent')
    network.reset('a', 'b')
    clock.advance(20)
    expect(news()).toEqual(['a: down b, connection reset', 'a: up b 1'])
  })

  it('delivers nothing that was sent to the process before', async () => {
    const { a, network, start, clock, news } = await pair({ delayMs: [5, 5] })
    network.cut('b', 'a')
    network.crash('b')
    await start('b', 2)
    a.send('b', 'for the dead', 'urgent')
    clock.advance(20)
    expect(news()).toEqual([])
  })

  it('loses about the asked share of messages', async () => {
    const { a, network, clock, news } = await pair()
    network.loss(0.5)
    for (let i = 0; i < 100; i += 1) a.send('b', String(i), 'bulk')
    clock.advance(1)
    const count = news().length
    expect(count).toBeGreaterThan(30)
    expect(count).toBeLessThan(70)
  })

  it('does not share objects between sender and receiver', async () => {
    const clock = manualClock()
    const network = memoryNetwork<{ n: number }, never, never>({
      clock,
      random: countingRandom(),
      peers: ['a', 'b'],
    })
    const got: { n: number }[] = []
    const ignore = {
      peerUp() {},
      peerDown() {},
      peerRefused() {},
      clientMessage() {},
      clientGone() {},
      peerMessage: (_from: string, message: { n: number }) => got.push(message),
    }
    const a = network.transport('a', 1)
    await a.start(ignore)
    await network.transport('b', 1).start(ignore)
    clock.advance(1)
    const message = { n: 1 }
    a.send('b', message, 'urgent')
    message.n = 2
    clock.advance(1)
    expect(got).toEqual([{ n: 1 }])
  })
})

describe('memoryNetwork clients', () => {
  const connect = async (world: Awaited<ReturnType<typeof pair>>, seen: string[]) => {
    const connecting = world.network.connectClient({
      address: 'a',
      events: { message: (m) => seen.push(m), closed: (reason) => seen.push(`closed: ${reason}`) },
    })
    world.clock.advance(1)
    return connecting
  }

  it('speak in both directions and are reported gone', async () => {
    const world = await pair()
    const seen: string[] = []
    const client = await connect(world, seen)
    expect(client.peer).toBe('a')
    client.send('hello')
    world.clock.advance(1)
    world.a.sendToClient(1, 'welcome')
    world.clock.advance(1)
    client.close()
    world.clock.advance(1)
    world.a.sendToClient(1, 'too late')
    world.clock.advance(1)
    expect(seen).toEqual(['welcome'])
    expect(world.news()).toEqual(['a: hello from client 1', 'a: gone 1'])
  })

  it('hear of the end of their peer once', async () => {
    const world = await pair()
    const seen: string[] = []
    await connect(world, seen)
    world.network.crash('a')
    world.clock.advance(1)
    expect(seen).toEqual(['closed: connection closed'])
  })

  it('are refused by a dead peer and by another cluster, and wait for a silent one no longer than the dial', async () => {
    const world = await pair()
    const events = { message() {}, closed() {} }
    const dead = world.network.connectClient({ address: 'nobody', events })
    const foreign = world.network.connectClient({ address: 'a', cluster: 'other', events })
    world.network.cut('client', 'b')
    const silent = world.network.connectClient({ address: 'b', events })
    const cancelled = world.network.connectClient({ address: 'b', events, signal: AbortSignal.abort() })
    const outcomes = Promise.allSettled([dead, foreign, silent, cancelled])
    world.clock.advance(3000)
    expect((await outcomes).map((o) => (o.status === 'rejected' ? o.reason.code : 'connected'))).toEqual([
      'BACKEND_UNAVAILABLE',
      'CLUSTER_MISMATCH',
      'BACKEND_UNAVAILABLE',
      'CANCELLED',
    ])
  })
})
