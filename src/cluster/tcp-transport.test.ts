import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { ProcessIdentity, Start } from '../seams/storage.ts'
import type { TransportEvents } from '../seams/transport.ts'
import { systemClock } from '../system/clock.ts'
import { systemRandom } from '../system/random.ts'
import type { HolderMessage, PeerMessage, SponsorMessage } from './messages.ts'
import { connectClient } from './tcp-client.ts'
import { encodeFrame } from './tcp-frame.ts'
import { clientHelloFrame, peerHelloFrame } from './tcp-handshake.ts'
import { tcpTransport, type TcpTransport, type TcpTransportOptions } from './tcp-transport.ts'

const cleanUps: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
})

/** Waits for what must happen sooner or later; only a hang fails. */
async function until(happened: () => boolean, what: string): Promise<void> {
  const end = Date.now() + 60_000
  while (!happened()) {
    if (Date.now() > end) throw new Error(`never happened: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** Below the ports that the kernel hands out, or a peer that dials one that does not listen yet may connect to itself. */
async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer()
    const listens = new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).once('listening', () => resolve(true))
    })
    server.listen(randomInt(10_000, 32_000), '127.0.0.1')
    if (!(await listens)) continue
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    return port
  }
}

async function peerTable<const Id extends string>(...ids: readonly Id[]): Promise<Record<Id, string>> {
  const entries = await Promise.all(ids.map(async (id) => [id, `127.0.0.1:${await freePort()}`] as const))
  return Object.fromEntries(entries) as Record<Id, string>
}

interface Peer extends TcpTransport {
  readonly seen: string[]
  readonly reports: string[]
  readonly messages: PeerMessage[]
}

function startOf(self: string, incarnation: number): Start {
  const { run } = startsOf(self, incarnation)
  return { incarnation, run }
}

/** As a folder that was never restored has them. `lineage` differs on a folder that was. */
function startsOf(self: string, incarnation: number, lineage = ''): Omit<ProcessIdentity, 'storageId'> {
  const starts = Array.from({ length: incarnation }, (_, index) => ({
    incarnation: index + 1,
    run: `run ${index + 1} of ${self}${lineage}`,
  }))
  return { ...(starts.at(-1) as Start), earlier: starts.slice(0, -1) }
}

async function startPeer(
  peers: Record<string, string>,
  self: string,
  change: Partial<TcpTransportOptions> = {},
  on: Partial<TransportEvents<PeerMessage, HolderMessage>> = {},
): Promise<Peer> {
  const seen: string[] = []
  const reports: string[] = []
  const messages: PeerMessage[] = []
  const transport = tcpTransport({
    self,
    cluster: 'test',
    storageId: `disk of ${self}`,
    ...startsOf(self, change.incarnation ?? 1),
    peers,
    listen: peers[self] ?? '127.0.0.1:0',
    heartbeatMs: 100,
    clock: systemClock(),
    random: systemRandom(),
    report: ({ during, error }) => reports.push(`${during}: ${(error as Error).message}`),
    ...change,
  })
  cleanUps.push(() => transport.close())
  await transport.start({
    peerUp: (peer, incarnation) => seen.push(`up ${peer} ${incarnation}`),
    peerDown: (peer) => seen.push(`down ${peer}`),
    peerRefused: (peer) => seen.push(`refused ${peer}`),
    peerMessage: (from, message) => {
      seen.push(`message from ${from}`)
      messages.push(message)
    },
    clientMessage: (client, message) => seen.push(`client ${client}: ${message.type}`),
    clientGone: (client) => seen.push(`gone ${client}`),
    ...on,
  })
  return Object.assign(transport, { seen, reports, messages })
}

async function startPair() {
  const peers = await peerTable('a', 'b')
  const a = await startPeer(peers, 'a')
  const b = await startPeer(peers, 'b')
  await until(() => a.seen.includes('up b 1') && b.seen.includes('up a 1'), 'both links up')
  return { peers, a, b }
}

const vote: PeerMessage = { kind: 'raft', message: { type: 'vote-reply', term: 3, granted: true } }
const read = (id: number): PeerMessage => ({ kind: 'read-index', id })

describe('tcpTransport between peers', () => {
  it('delivers in order on both lanes, and everything sent in one turn', async () => {
    const { a, b } = await startPair()
    for (let id = 0; id < 500; id += 1) {
      a.send('b', read(id), 'urgent')
      a.send('b', read(1000 + id), 'bulk')
    }
    await until(() => b.messages.length === 1000, '1000 messages')
    const ids = b.messages.map((message) => (message as { id: number }).id)
    expect(ids.filter((id) => id < 1000)).toEqual(Array.from({ length: 500 }, (_, i) => i))
    expect(ids.filter((id) => id >= 1000)).toEqual(Array.from({ length: 500 }, (_, i) => 1000 + i))
    expect(a.problem('b')).toBeUndefined()
  })

  it('reports a peer that stops as down, then refused, and its next process as up with its incarnation', async () => {
    const { peers, a, b } = await startPair()
    await b.close()
    await until(() => a.seen.includes('refused b'), 'death evidence')
    expect(a.seen.filter((line) => line.endsWith(' b'))).toEqual(['down b', 'refused b'])
    expect(a.problem('b')).toBe(`connection refused at ${peers.b}`)
    await startPeer(peers, 'b', { incarnation: 2 })
    await until(() => a.seen.includes('up b 2'), 'the link to the new process')
    expect(a.seen.filter((line) => line === 'refused b')).toHaveLength(1)
  })

  it('does not take a peer that never answered for dead', async () => {
    const peers = await peerTable('a', 'b')
    const a = await startPeer(peers, 'a')
    await until(() => a.problem('b')?.includes('refused') === true, 'a refused dial')
    expect(a.seen).toEqual([])
    expect(a.problem('b')).toBe(`connection refused at ${peers.b}`)
  })

  it('drops and counts what is sent while there is no link', async () => {
    const peers = await peerTable('a', 'b')
    const a = await startPeer(peers, 'a')
    a.send('b', vote, 'urgent')
    a.send('nobody', vote, 'urgent')
    expect(a.counts.dropped).toBe(2)
  })

  it('carries urgent messages too large for their lane on the other, and reports those too large for any', async () => {
    const { a, b } = await startPair()
    const propose = (bytes: number): PeerMessage => ({
      kind: 'propose',
      proposal: {
        type: 'batch',
        session: 's',
        number: 1,
        requests: Array.from({ length: bytes / 200 }, () => ({ type: 'leave', election: 'e'.repeat(200) })),
      },
    })
    a.send('b', propose(200_000), 'urgent')
    await until(() => b.messages.length === 1, 'the large message')
    a.send('b', propose(4_400_000), 'bulk')
    expect(a.reports).toEqual([expect.stringContaining('at most 4194304 can be sent')])
    a.send('b', vote, 'urgent')
    await until(() => b.messages.length === 2, 'the vote')
    expect(b.messages[1]).toEqual(vote)
  })

  it('ends every socket and timer on close, with the last message handed over', async () => {
    const { a, b } = await startPair()
    a.send('b', vote, 'urgent')
    await a.close()
    await until(() => b.messages.length === 1, 'the last message')
    await b.close()
    const before = a.seen.length
    a.send('b', vote, 'urgent')
    await a.close()
    expect(a.seen).toHaveLength(before)
    await until(
      () => !process.getActiveResourcesInfo().some((name) => name.startsWith('TCP')),
      'no socket left',
    )
  })
})

describe('tcpTransport handshakes', () => {
  it('keeps two clusters apart and says so on both sides', async () => {
    const peers = await peerTable('a', 'b')
    const a = await startPeer(peers, 'a')
    const b = await startPeer(peers, 'b', { cluster: 'other' })
    await until(() => a.reports.length > 0 && b.reports.length > 0, 'reports')
    await until(() => a.problem('b')?.includes('cluster') === true, 'the problem')
    expect(a.problem('b')).toBe("peer 'b' belongs to cluster 'other', not to 'test'")
    expect(a.seen).toEqual([])
    expect(b.seen).toEqual([])
  })

  it('refuses a peer that is not in the list', async () => {
    const peers = await peerTable('a', 'b', 'c')
    const a = await startPeer({ a: peers.a, b: peers.b }, 'a')
    const c = await startPeer(peers, 'c')
    await until(() => c.problem('a')?.includes('knows the peers') === true, 'the refusal')
    expect(c.problem('a')).toBe("peer 'a' knows the peers a, b, not 'c'; every process needs the same list")
    expect(a.seen).toEqual([])
  })

  it('notices that an address belongs to another peer', async () => {
    const peers = await peerTable('a', 'b', 'c')
    await startPeer(peers, 'b')
    const a = await startPeer({ ...peers, c: peers.b }, 'a')
    await until(() => a.problem('c')?.includes('check the address') === true, 'the refusal')
    expect(a.problem('c')).toBe("peer 'b' answers there, not 'c'; check the address of 'c'")
  })

  it('refuses a folder that was set back to an earlier start', async () => {
    const peers = await peerTable('a', 'b')
    const a = await startPeer(peers, 'a')
    const b = await startPeer(peers, 'b', { incarnation: 5 })
    await until(() => a.seen.includes('up b 5') && b.seen.includes('up a 1'), 'the link')
    await b.close()
    await until(() => a.seen.includes('refused b'), 'the end of b')
    const restored = await startPeer(peers, 'b', { incarnation: 4 })
    await until(() => restored.problem('a')?.includes('restored or copied') === true, 'the refusal')
    await until(() => a.problem('b')?.includes('restored or copied') === true, 'our own refusal')
    expect(a.seen.filter((line) => line.startsWith('up'))).toEqual(['up b 5'])
  })

  it('refuses it also when it was started more often since, and takes the folder that goes on', async () => {
    const peers = await peerTable('a', 'b')
    const a = await startPeer(peers, 'a')
    const b = await startPeer(peers, 'b', { incarnation: 5 })
    await until(() => a.seen.includes('up b 5') && b.seen.includes('up a 1'), 'the link')
    await b.close()
    await until(() => a.seen.includes('refused b'), 'the end of b')
    for (const incarnation of [6, 105]) {
      const restored = await startPeer(peers, 'b', startsOf('b', incarnation, ' restored'))
      await until(() => restored.problem('a')?.includes('restored or copied') === true, 'the refusal')
      await until(() => a.problem('b')?.includes('restored or copied') === true, 'our own refusal')
      await restored.close()
    }
    await startPeer(peers, 'b', { incarnation: 6 })
    await until(() => a.seen.includes('up b 6'), 'the link to the real one')
  })

  it('lets each other in after more starts than one handshake shows, on both sides', async () => {
    const peers = await peerTable('a', 'b')
    const remembered = (peer: string) => [{ peer, storageId: `disk of ${peer}`, ...startOf(peer, 3) }]
    const a = await startPeer(peers, 'a', { incarnation: 100, remembered: remembered('b') })
    const b = await startPeer(peers, 'b', { incarnation: 90, remembered: remembered('a') })
    await until(() => a.seen.includes('up b 90') && b.seen.includes('up a 100'), 'both links up')
  })

  it('refuses a second process with other data under the id of a running peer', async () => {
    const { peers, a, b } = await startPair()
    b.send('a', vote, 'urgent')
    await until(() => a.messages.length === 1, 'a sign of life')
    const folder = { storageId: 'another disk', ...startsOf('b', 1, ' elsewhere') }
    const twin = await startPeer(peers, 'b', { ...folder, listen: '127.0.0.1:0' })
    await until(() => twin.problem('a')?.includes('another folder') === true, 'the refusal')
    b.send('a', vote, 'urgent')
    await until(() => a.messages.length === 2, 'a message of the first process')
    expect(a.seen).not.toContain('down b')
  })

  it('goes over to a peer’s new process even if the end of the old one was never seen', async () => {
    const { peers, a } = await startPair()
    // The old process keeps its sockets, as a vanished host would; only the hello of the new one tells. It is refused
    // until the old one has been silent for a while, and so it dials again, as a peer does.
    const dial = (): void => {
      const socket = connect(portOf(peers.a), '127.0.0.1')
      cleanUps.push(() => void socket.destroy())
      socket
        .on('error', () => {})
        .on('close', () => void (a.seen.includes('down b') || setTimeout(dial, 100)))
      socket.resume().write(
        peerHelloFrame({
          cluster: 'test',
          from: 'b',
          to: 'a',
          lane: 'urgent',
          storageId: 'disk of b',
          incarnation: 2,
          run: 'next',
          earlier: [{ incarnation: 1, run: 'run 1 of b' }],
          seen: null,
        }),
      )
    }
    dial()
    await until(() => a.seen.includes('down b'), 'the old link down')
  })
})

const portOf = (address: string): number => Number(address.split(':')[1])

describe('tcpTransport start', () => {
  it('refuses to listen off loopback unless told that it is insecure', async () => {
    const peers = await peerTable('a')
    await expect(startPeer(peers, 'a', { listen: '0.0.0.0:0' })).rejects.toMatchObject({
      code: 'INSECURE_LISTENER',
      message: expect.stringContaining('insecure: true'),
    })
    const open = await startPeer(peers, 'a', { listen: '0.0.0.0:0', insecure: true })
    expect(open.address).toMatch(/^0\.0\.0\.0:\d+$/)
  })

  it('names the address that is in use', async () => {
    const peers = await peerTable('a')
    await startPeer(peers, 'a')
    await expect(startPeer(peers, 'a')).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
      details: { address: peers.a },
    })
  })

  it('refuses addresses that are none, and a self that is no peer', () => {
    const options = { peers: { a: '127.0.0.1:1' }, self: 'a', listen: '127.0.0.1:1' }
    const make = (change: object) =>
      tcpTransport({
        cluster: 'test',
        storageId: 's',
        incarnation: 1,
        run: 'r',
        earlier: [],
        heartbeatMs: 100,
        clock: systemClock(),
        random: systemRandom(),
        report: () => {},
        ...options,
        ...change,
      })
    expect(() => make({ peers: { a: 'localhost' } })).toThrow("'localhost' is no address; write host:port")
    expect(() => make({ peers: { a: '127.0.0.1:99999' } })).toThrow('is no address')
    expect(() => make({ self: 'z' })).toThrow("'z' is none of the peers a")
  })

  it('can be closed before it was started, and while it starts', async () => {
    const peers = await peerTable('a')
    const a = await startPeer(peers, 'a')
    await Promise.all([a.close(), a.close()])
    const again = startPeer(peers, 'a')
    await (await again).close()
  })
})

describe('tcpTransport against strangers', () => {
  const stranger = async (address: string): Promise<Socket> => {
    const socket = connect(portOf(address), '127.0.0.1')
    socket.on('error', () => {})
    cleanUps.push(() => void socket.destroy())
    await once(socket, 'connect')
    return socket
  }

  it.each([
    ['a web request', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['a frame of 4 GiB', Buffer.from('ffffffff010000000000', 'hex')],
    ['an unauthenticated frame above 4 KiB', encodeFrame('client-hello', Buffer.alloc(4097))],
    ['a hello that is not JSON', encodeFrame('client-hello', Buffer.from('{'))],
    ['a message before the hello', encodeFrame('message', Buffer.from('{}'))],
    ['garbage after a good hello', Buffer.concat([clientHelloFrame(null), Buffer.alloc(64, 0xee)])],
    [
      'an unknown message after a good hello',
      Buffer.concat([clientHelloFrame(null), encodeFrame('message', Buffer.from('{"type":"format-disk"}'))]),
    ],
  ])('closes the connection on %s, counts it, and serves on', async (_what, bytes) => {
    const { peers, a, b } = await startPair()
    const socket = await stranger(peers.a)
    const closed = once(socket, 'close')
    socket.resume()
    socket.write(bytes)
    await closed
    await until(() => a.counts.garbage === 1, 'the count')
    expect(a.reports).toHaveLength(1)
    b.send('a', vote, 'urgent')
    await until(() => a.messages.length === 1, 'a message of a real peer')
  })

  it('reports a flood of garbage once', async () => {
    const peers = await peerTable('a')
    const a = await startPeer(peers, 'a')
    for (let i = 0; i < 20; i += 1) (await stranger(peers.a)).write('garbage that is long enough')
    await until(() => a.counts.garbage === 20, '20 counts')
    expect(a.reports).toHaveLength(1)
  })

  it('disconnects who says nothing, and lets peers in meanwhile', async () => {
    const peers = await peerTable('a', 'b')
    const a = await startPeer(peers, 'a')
    const idlers = await Promise.all(Array.from({ length: 300 }, () => stranger(peers.a)))
    let closed = 0
    for (const idler of idlers) idler.on('close', () => (closed += 1)).resume()
    const b = await startPeer(peers, 'b')
    await until(() => b.seen.includes('up a 1') && a.seen.includes('up b 1'), 'the links')
    expect(closed).toBeLessThan(300)
    await until(() => closed === 300, 'the end of the idlers')
    // The others had to make room before their time was up.
    expect(a.counts.turnedAway).toBeLessThanOrEqual(256)
  })
})

describe('tcpTransport on a stuck link', () => {
  it('carries an append of the largest batches that a session can send, whatever JSON makes of them', async () => {
    const { a, b } = await startPair()
    const metadata = { k: '\u0001'.repeat(4095) }
    const election = 'e'.repeat(253)
    const request = { type: 'campaign', election, exclusivity: 'time', priority: 0, metadata } as const
    const data = { type: 'batch', session: 's', number: 1, requests: Array(12).fill(request) } as const
    const entries = Array.from({ length: 12 }, (_, i) => ({ index: i + 1, term: 1, data }))
    const append = { type: 'append', term: 1, previousIndex: 0, previousTerm: 0, entries, commit: 0 } as const
    a.send('b', { kind: 'raft', message: append }, 'bulk')
    await until(() => b.messages.length === 1, 'the append')
    const client = await connectClient({ address: a.address, events: { message() {}, closed() {} } })
    client.send(data)
    await until(() => a.seen.includes('client 1: batch'), 'the batch')
    client.close()
  })

  it('drops the connection when the peer does not read, without dropping single votes', async () => {
    const peers = await peerTable('a', 'b')
    const deaf = await deafPeer(portOf(peers.b), 'b')
    const a = await startPeer(peers, 'a')
    await until(() => a.seen.includes('up b 1'), 'the link')
    const filler: PeerMessage = {
      kind: 'turned-away',
      session: 's',
      error: { code: 'INTERNAL', message: 'x'.repeat(16_000) },
    }
    let sent = 0
    while (!a.seen.includes('down b') && sent < 5000) {
      for (let i = 0; i < 20; i += 1) a.send('b', filler, 'urgent')
      sent += 20
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(a.seen).toContain('down b')
    deaf.close()
  })

  it('keeps only the newest heartbeat while the peer does not read', async () => {
    const peers = await peerTable('a', 'b')
    await deafPeer(portOf(peers.b), 'b')
    const a = await startPeer(peers, 'a')
    await until(() => a.seen.includes('up b 1'), 'the link')
    const heartbeat = (round: number): PeerMessage => ({
      kind: 'raft',
      message: { type: 'heartbeat', term: 1, commit: 0, round, successors: ['x'.repeat(100)] },
    })
    // About 40 MB in all: without replacing older ones the queue would overflow and end the link.
    for (let round = 0; round < 200_000; round += 1) {
      a.send('b', heartbeat(round), 'urgent')
      if (round % 1000 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(a.seen).toEqual(['up b 1'])
  })

  it('finds a new way past connections that died silently, and nobody is told that the peer was down', async () => {
    const peers = await peerTable('a', 'b', 'proxy')
    const proxy = await proxyTo(portOf(peers.b), portOf(peers.proxy))
    const a = await startPeer({ a: peers.a, b: peers.proxy }, 'a')
    const b = await startPeer({ a: peers.a, b: peers.b }, 'b')
    await until(() => a.seen.includes('up b 1') && b.seen.includes('up a 1'), 'the links')
    proxy.swallow()
    a.send('b', read(1), 'urgent')
    let id = 2
    await until(() => {
      // That a hears b all the time tells nothing about its own way to b.
      b.send('a', read(1), 'urgent')
      a.send('b', read((id += 1)), 'urgent')
      return b.messages.length > 0
    }, 'a message on a fresh connection')
    expect(b.messages).not.toContainEqual(read(1))
    expect(a.seen.filter((line) => line.endsWith(' b 1') || line.startsWith('down'))).toEqual(['up b 1'])
  })

  /** Forwards to `port`; after `swallow` nothing gets through on the connections there were until then. */
  async function proxyTo(port: number, listen: number) {
    let swallowed = { is: false }
    const server = createServer((near) => {
      const mine = swallowed
      const far = connect(port, '127.0.0.1')
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        from.on('data', (chunk) => mine.is || to.write(chunk))
        from.on('end', () => mine.is || to.end())
        from.on('error', () => {})
        cleanUps.push(() => void from.destroy())
      }
    }).listen(listen, '127.0.0.1')
    await once(server, 'listening')
    cleanUps.push(() => void server.close())
    return {
      swallow(): void {
        swallowed.is = true
        swallowed = { is: false }
      },
    }
  }

  /** Shakes hands on both lanes and never reads again. */
  async function deafPeer(port: number, peer: string): Promise<Server> {
    const welcome = { peer, cluster: 'test', storageId: 'disk', incarnation: 1, run: 'r', earlier: [] }
    const server = createServer((socket) => {
      socket.on('error', () => {})
      cleanUps.push(() => void socket.destroy())
      socket.once('data', () => {
        socket.pause()
        socket.write(encodeFrame('welcome', Buffer.from(JSON.stringify(welcome))))
      })
    }).listen(port, '127.0.0.1')
    await once(server, 'listening')
    cleanUps.push(() => void server.close())
    return server
  }
})

describe('connectClient', () => {
  const openClient = async (address: string, cluster?: string) => {
    const messages: SponsorMessage[] = []
    const ends: string[] = []
    const client = await connectClient({
      address,
      cluster,
      events: { message: (m) => messages.push(m), closed: (reason) => ends.push(reason) },
    })
    cleanUps.push(() => client.close())
    return { client, messages, ends }
  }

  it('speaks with its peer in both directions until either closes', async () => {
    const peers = await peerTable('a')
    const a = await startPeer(peers, 'a')
    const { client, messages, ends } = await openClient(peers.a, 'test')
    expect([client.peer, client.cluster]).toEqual(['a', 'test'])
    client.send({ type: 'observe', id: 1, election: 'e' })
    await until(() => a.seen.includes('client 1: observe'), 'the request')
    const granted: SponsorMessage = { type: 'granted', session: 's', election: 'e', token: 2n ** 60n }
    a.sendToClient(1, granted)
    await until(() => messages.length === 1, 'the answer')
    expect(messages[0]).toEqual(granted)
    client.close()
    await until(() => a.seen.includes('gone 1'), 'the end')
    a.sendToClient(1, granted)
    expect(ends).toEqual([])
    const second = await openClient(peers.a)
    await a.close()
    await until(() => second.ends.length === 1, 'the news of the end')
    expect(second.ends).toEqual(['connection closed'])
  })

  it('receives answers far larger than it may send, and refuses to send too much', async () => {
    const peers = await peerTable('a')
    const a = await startPeer(peers, 'a')
    const { client, messages } = await openClient(peers.a)
    client.send({ type: 'unobserve', id: 1 })
    await until(() => a.seen.includes('client 1: unobserve'), 'the request')
    const holds = Array.from({ length: 10_000 }, (_, i) => ({ election: `election ${i}`, token: BigInt(i) }))
    const state = { epoch: 1, number: 0, results: [], holds, waits: [] }
    a.sendToClient(1, { type: 'opened', session: 's', scope: 'test', voters: ['a'], state })
    await until(() => messages.length === 1, 'the large answer')
    const requests = Array.from({ length: 4000 }, () => ({
      type: 'leave' as const,
      election: 'e'.repeat(250),
    }))
    expect(() => client.send({ type: 'batch', session: 's', number: 1, requests })).toThrow(
      'send fewer at once',
    )
  })

  it('is refused by another cluster, by nobody, and beyond the limit', async () => {
    const peers = await peerTable('a', 'b')
    await startPeer(peers, 'a', { maxClients: 1 })
    await expect(openClient(peers.a, 'other')).rejects.toMatchObject({
      code: 'CLUSTER_MISMATCH',
      details: { expected: 'other', actual: 'test' },
    })
    await expect(openClient(peers.b)).rejects.toMatchObject({
      code: 'BACKEND_UNAVAILABLE',
      message: `connection refused at ${peers.b}`,
    })
    await openClient(peers.a)
    await expect(openClient(peers.a)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
  })

  it('stops waiting when its signal is aborted', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    cleanUps.push(() => void silent.close())
    const abort = new AbortController()
    const address = `127.0.0.1:${(silent.address() as AddressInfo).port}`
    const events = { message() {}, closed() {} }
    const connecting = connectClient({ address, events, signal: abort.signal })
    abort.abort()
    await expect(connecting).rejects.toMatchObject({ code: 'CANCELLED' })
    await expect(connectClient({ address, events, signal: abort.signal })).rejects.toMatchObject({
      code: 'CANCELLED',
    })
  })
})
