/** What a running cluster makes of guests it did not ask for: on its port, under its ids, in its elections. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { createElection, type Leadership } from '../../src/index.ts'
import type { RaftBackend } from '../../src/backends/raft.ts'
import { encodeFrame } from '../../src/cluster/tcp-frame.ts'
import { eventually, Loopback, peerTable, portOf, raftLeader, refusal, type Peers } from './loopback.ts'

let stage: Loopback
beforeEach(() => void (stage = new Loopback()))
afterEach(() => stage.close())

/** Given back at the end of the test, while there are peers who can hear of it. */
async function lead(backend: RaftBackend, name = 'billing', id?: string): Promise<Leadership> {
  // The lease is long: that a busy machine stalls this process is not what these tests are about.
  const candidate = id === undefined ? {} : { candidate: { id } }
  const election = createElection({ name, backend, leaseMs: 5000, ...candidate })
  stage.atEnd(() => election.close())
  return election.campaign()
}

async function trio(): Promise<{ readonly peers: Peers; readonly all: RaftBackend[] }> {
  const peers = await peerTable('a', 'b', 'c')
  return { peers, all: await Promise.all(Object.keys(peers).map((id) => stage.peer(peers, id))) }
}

describe('a leading peer closes the connection on', () => {
  async function stranger(address: string | undefined): Promise<Socket> {
    const socket = connect(portOf(address), '127.0.0.1')
    stage.atEnd(() => socket.destroy())
    socket.on('error', () => {}).resume()
    await once(socket, 'connect')
    return socket
  }

  it('garbage, oversized frames and web requests, tells it once, and goes on leading', async () => {
    const peers = await peerTable('a')
    const backend = await stage.peer(peers, 'a')
    const leadership = await lead(backend)
    const guests: readonly Buffer[] = [
      Buffer.from('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'),
      Buffer.alloc(100_000, 0xee),
      Buffer.from('ffffffff010000000000', 'hex'),
      encodeFrame('client-hello', Buffer.alloc(5000)),
      encodeFrame('message', Buffer.from('{"type":"status","id":1,"election":null}')),
      Buffer.concat([
        encodeFrame('client-hello', Buffer.from('{"protocol":2,"cluster":null}')),
        Buffer.alloc(64, 0xee),
      ]),
      // Cut off in the middle of a frame: only the wait for the rest ends it.
      encodeFrame('client-hello', Buffer.from('{"protocol":2,"cluster":null}')).subarray(0, 20),
    ]
    await Promise.all(
      guests.map(async (bytes) => {
        const socket = await stranger(peers['a'])
        const closed = new Promise((resolve) => socket.once('close', resolve))
        socket.write(bytes)
        await closed
      }),
    )
    expect(leadership.isValid()).toBe(true)
    const told = backend.failures.filter(
      ({ error }) => Reflect.get(error as object, 'code') === 'PROTOCOL_ERROR',
    )
    expect(told.map(({ during }) => during).toSorted()).toEqual(['frames of a client', 'handshakes'])
    for (const { error } of told) expect(String(error)).toMatch(/127\.0\.0\.1:\d+: /)
    await leadership.resign()
    expect((await lead(backend, 'another')).isValid()).toBe(true)
  })
})

test('a peer of another cluster id is refused, both sides say why in status(), and the cluster leads on', async () => {
  const { peers, all } = await trio()
  const [a, , c] = all as [RaftBackend, RaftBackend, RaftBackend]
  await c.close()
  const leadership = await lead(a)
  const foreign = await stage.peer(peers, 'c', { cluster: 'foreign', dataDir: stage.dataDir('foreign c') })

  const problemOf = async (asked: RaftBackend, of: string): Promise<string | undefined> => {
    const { answers } = await asked.status({ timeoutMs: 500 })
    const own = answers.find(({ cluster }) => cluster === asked.cluster)
    return own?.peers.find(({ id }) => id === of)?.problem ?? undefined
  }
  const theirs = await eventually('the foreign peer to say why', async () => {
    const problem = await problemOf(foreign, 'a')
    return problem?.includes('cluster') === true ? problem : undefined
  })
  // Behind a name stands a hash of what must agree with it.
  expect(theirs).toMatch(
    new RegExp(`^peer 'a' belongs to cluster '${a.cluster}', not to 'foreign~[0-9a-f]{8}'$`),
  )
  const ours = await eventually('our peer to say why', async () => {
    const problem = await problemOf(a, 'c')
    return problem?.includes('cluster') === true ? problem : undefined
  })
  expect(ours).toMatch(
    new RegExp(`^peer 'c' belongs to cluster 'foreign~[0-9a-f]{8}', not to '${a.cluster}'$`),
  )
  const { silent } = await a.status({ timeoutMs: 500 })
  expect(silent).toMatchObject([
    { peer: 'c', address: peers['c'], reason: expect.stringContaining("'foreign~") },
  ])
  expect(leadership.isValid()).toBe(true)
})

test('a client with another peers table is told that it asks another cluster, and by whom', async () => {
  const { peers } = await trio()
  const client = stage.backend({ peers: { a: peers['a'] ?? '', b: peers['b'] ?? '' } })
  const waiting = createElection({ name: 'billing', backend: client })
  const abort = new AbortController()
  const campaign = refusal(() => waiting.campaign({ signal: abort.signal }))
  const told = await eventually('the client to be told', () => client.failures.at(0))
  expect(told).toMatchObject({ during: 'connecting to the cluster', error: { code: 'BACKEND_UNAVAILABLE' } })
  expect(String(told.error)).toMatch(/No peer answers: .*\(peer 'a' belongs to cluster '[0-9a-f]+', not to '/)
  abort.abort()
  expect((await campaign).code).toBe('CANCELLED')
  const { answers, silent } = await client.status({ timeoutMs: 300 })
  expect(answers).toEqual([])
  for (const { reason } of silent) expect(reason).toContain('belongs to cluster')
})

test('a peer whose table swaps two addresses is told who answers there', async () => {
  const peers = await peerTable('a', 'b', 'c')
  await stage.peer(peers, 'b', { cluster: 'x' })
  const swapped = { a: peers['a'] ?? '', b: peers['c'] ?? '', c: peers['b'] ?? '' }
  const a = await stage.peer(swapped, 'a', { cluster: 'x' })
  const told = await eventually('a to be told', () => a.failures.at(0))
  expect(told).toMatchObject({ during: 'connection to c', error: { code: 'NOT_A_PEER' } })
  expect(String(told.error)).toContain("peer 'b' answers there, not 'c'; check the address of 'c'")
})

test('a second live process with the same candidate id is DUPLICATE_ID, and says since when', async () => {
  const { peers, all } = await trio()
  await raftLeader(all[0] as RaftBackend)
  const first = await lead(stage.backend({ peers }), 'billing', 'worker')
  const error = await refusal(() => lead(stage.backend({ peers }), 'billing', 'worker'))
  expect(error).toMatchObject({
    code: 'DUPLICATE_ID',
    details: { id: 'worker', sinceMs: expect.any(Number) },
  })
  expect(error.message).toMatch(
    /"worker" is in use by another live process\. Give each process an id of its own/,
  )
  expect(first.isValid()).toBe(true)
  await first.resign()
})

test('who asks for another exclusivity than the election has is refused, both values named', async () => {
  const { peers, all } = await trio()
  const first = await lead(all[0] as RaftBackend)
  const other = createElection({ name: 'billing', backend: stage.backend({ peers }), exclusivity: 'token' })
  const error = await refusal(() => other.campaign())
  expect(error).toMatchObject({ code: 'INVALID_OPTIONS' })
  expect(error.message).toMatch(/(?=.*'?token'?)(?=.*'?time'?)/)
  expect(first.isValid()).toBe(true)
})

test('one candidate id cannot stand with two leases in one process', async () => {
  const peers = await peerTable('a')
  const backend = await stage.peer(peers, 'a')
  const first = await createElection({ name: 'billing', backend, leaseMs: 500 }).campaign()
  const error = await refusal(() => createElection({ name: 'mail', backend, leaseMs: 700 }).campaign())
  expect(error).toMatchObject({
    code: 'INVALID_OPTIONS',
    details: { option: 'leaseMs', value: 700, expected: '500' },
  })
  expect(error.message).toContain('Use the same lease, or another candidate id.')
  const other = createElection({ name: 'mail', backend, leaseMs: 700, candidate: { id: 'a2' } })
  expect((await other.campaign()).isValid()).toBe(true)
  expect(first.isValid()).toBe(true)
})

test('a session that another process releases costs its leaderships only: the candidate stands again', async () => {
  const { peers, all } = await trio()
  const [a] = all as [RaftBackend]
  const [billing, mail] = ['billing', 'mail'].map((name) =>
    createElection({ name, backend: a, leaseMs: 5000 }),
  )
  if (billing === undefined || mail === undefined) throw new Error('two elections')
  const elsewhere = await lead(stage.backend({ peers }), 'mail', 'other')
  const first = await billing.campaign()
  const waiting = mail.campaign()
  const share = await a.share({ candidateId: 'a', leaseMs: 5000 }, {})
  const ticket = share.session.ticket?.() ?? { session: 'none' }

  const guard = stage.backend({ peers })
  expect(await guard.releaseSession?.(ticket, {})).toBe('released')
  expect(await first.lost).toBe('revoked')
  expect(await guard.releaseSession?.(ticket, {})).toBe('gone')
  expect((await billing.campaign()).token).toBeGreaterThan(first.token)
  await elsewhere.resign()
  expect((await waiting).token).toBeGreaterThan(elsewhere.token)
  await Promise.all([share.leave({}), billing.close(), mail.close()])
})

test('a second campaign of one election in one process is refused while the first leads', async () => {
  const peers = await peerTable('a')
  const election = createElection({ name: 'billing', backend: await stage.peer(peers, 'a') })
  await election.campaign()
  const error = await refusal(() => election.campaign())
  expect(error).toMatchObject({ code: 'DUPLICATE_ID', details: { id: 'a' } })
  expect(error.message).toContain('one campaign() or lead() at a time')
})
