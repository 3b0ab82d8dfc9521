/** What a user meets on a real server: errors that name the cause, adjustments that are told, traffic that does not grow. */
import { createServer, type AddressInfo } from 'node:net'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Backend, BackgroundFailure } from '../../../src/backends/backend.ts'
import { zookeeper, type ZooKeeperOptions } from '../../../src/backends/zookeeper.ts'
import { isZooKeeperError } from '../../../src/clients/zookeeper/error-codes.ts'
import { createElection, isMandateError, type MandateError } from '../../../src/index.ts'
import { eventually } from '../../integration/loopback.ts'
import { selfSigned } from '../certificates.ts'
import { FaultProxy } from '../proxy.ts'
import { ZooKeeperServers } from '../zookeeper.ts'
import { bareClient, childrenOf, openAcl } from './bare-client.ts'

let servers: ZooKeeperServers
const backends: Backend[] = []

beforeAll(async () => {
  servers = await ZooKeeperServers.start({ tickMs: 200, maxSessionMs: 8000 })
}, 60_000)
afterEach(async () => {
  await Promise.all(backends.splice(0).map((backend) => backend.close()))
})
afterAll(() => servers.close())

function backendOn(options: Partial<ZooKeeperOptions> = {}): Backend & { failures: BackgroundFailure[] } {
  const failures: BackgroundFailure[] = []
  const backend = zookeeper({
    servers: servers.addresses,
    chroot: '/app',
    sessionMs: 2000,
    onBackgroundFailure: (failure) => failures.push(failure),
    ...options,
  })
  backends.push(backend)
  return Object.assign(backend, { failures })
}

const electionOn = (backend: Backend, id: string, name = 'billing') =>
  createElection({ name, backend, candidate: { id } })

async function refusal(promise: Promise<unknown>): Promise<MandateError> {
  const error: unknown = await promise.then(
    () => 'accepted',
    (reason: unknown) => reason,
  )
  if (isMandateError(error)) return error
  throw new Error(`no error of ours: ${String(error)}`)
}

describe('servers that do not serve', () => {
  it('are BACKEND_UNAVAILABLE in bounded time, each with its reason', async () => {
    const http = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    const mute = createServer(() => undefined)
    for (const server of [http, mute]) await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const [web, silent] = [http, mute].map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`)
    const backend = backendOn({ servers: ['127.0.0.1:1', web!, silent!], connectMs: 2500 })
    const startedMs = performance.now()
    const error = await refusal(electionOn(backend, 'a').campaign())
    expect(performance.now() - startedMs).toBeLessThan(6000)
    expect(error.code).toBe('BACKEND_UNAVAILABLE')
    expect(error.message).toContain('127.0.0.1:1 (connect ECONNREFUSED 127.0.0.1:1)')
    expect(error.message).toMatch(new RegExp(`${web} \\(the server does not speak ZooKeeper's protocol`))
    expect(error.message).toContain(`${silent} (no answer in time)`)
    http.close()
    mute.close()
  })

  it('are tried again by the next who asks', async () => {
    const backend = backendOn({ servers: ['127.0.0.1:1', ...servers.addresses] })
    for (let turn = 0; turn < 5; turn += 1) {
      const leadership = await electionOn(backend, 'a', `turn-${turn}`).campaign()
      await leadership.resign()
    }
  })
})

describe('rights', () => {
  const root = 'root:secret'
  const onlyRoot = [
    { perms: 31, scheme: 'auth', id: '' },
    { perms: 1, scheme: 'world', id: 'anyone' },
  ]

  it('that are missing on the chroot are named, with its ACL and without the hash in it', async () => {
    const client = await bareClient(servers.addresses, { auth: root })
    await client.create('/closed', Buffer.alloc(0), { mode: 'persistent', acl: onlyRoot })
    client.close()
    const anonymous = await refusal(electionOn(backendOn({ chroot: '/closed' }), 'a').campaign())
    expect(anonymous.code).toBe('UNAUTHORIZED')
    expect(anonymous.message).toMatch(/\/closed.* has the ACL digest:root:\*\*\*:rwcda, world:anyone:r;/)
    expect(anonymous.message).toContain('MANDATE_ZOOKEEPER_AUTH')
    const wrong = await refusal(
      electionOn(backendOn({ chroot: '/closed', auth: 'root:wrong' }), 'a').campaign(),
    )
    expect(wrong.code).toBe('FORBIDDEN')
    expect(wrong.message).not.toContain('secret')
    const right = await electionOn(backendOn({ chroot: '/closed', auth: root }), 'a').campaign()
    expect(right.isValid()).toBe(true)
  })

  it('on what lies above the chroot are not needed', async () => {
    const client = await bareClient(servers.addresses, { auth: root })
    await client.create('/locked', Buffer.alloc(0), { mode: 'persistent', acl: onlyRoot })
    await client.create('/locked/ours', Buffer.alloc(0), { mode: 'persistent', acl: openAcl })
    client.close()
    const leadership = await electionOn(backendOn({ chroot: '/locked/ours' }), 'a').campaign()
    expect(leadership.isValid()).toBe(true)
    const above = await refusal(electionOn(backendOn({ chroot: '/locked/other' }), 'a').campaign())
    expect(above.message).toMatch(/: \/locked has the ACL digest:root/)
  })

  it('to create and not to delete are told when the leader resigns', async () => {
    const noDelete = [
      { perms: 31, scheme: 'auth', id: '' },
      { perms: 7, scheme: 'world', id: 'anyone' },
    ]
    const client = await bareClient(servers.addresses, { auth: root })
    await (await electionOn(backendOn(), 'a').campaign()).resign()
    await client.create('/app/sticky', Buffer.alloc(0), { mode: 'persistent', acl: noDelete })
    client.close()
    const backend = backendOn()
    await (await electionOn(backend, 'a', 'sticky').campaign()).resign()
    expect(backend.failures.map(({ error }) => String(error)).join()).toMatch(/\/app\/sticky.* has the ACL/)
  })

  it('that are missing on the election alone are named too', async () => {
    await (await electionOn(backendOn(), 'a').campaign()).resign()
    const client = await bareClient(servers.addresses, { auth: root })
    await client.create('/app/guarded', Buffer.alloc(0), { mode: 'persistent', acl: onlyRoot })
    client.close()
    const error = await refusal(electionOn(backendOn(), 'a', 'guarded').campaign())
    expect(error.code).toBe('UNAUTHORIZED')
    expect(error.message).toContain('/app/guarded')
  })

  it('of what is made with credentials belong to them: nobody else ends the leadership', async () => {
    const backend = backendOn({ chroot: '/own', auth: 'me:mine' })
    const leadership = await electionOn(backend, 'a').campaign()
    const client = await bareClient(servers.addresses)
    const [name] = await childrenOf(servers.addresses, '/own/billing')
    const deleted = await client.delete(`/own/billing/${name}`).catch((error: unknown) => error)
    expect(isZooKeeperError(deleted, 'NOAUTH')).toBe(true)
    client.close()
    const current = await electionOn(backendOn({ chroot: '/own' }), 'reader').current()
    expect(current).toMatchObject({ type: 'led', leader: { id: 'a', token: leadership.token } })
  })
})

describe('a session', () => {
  it.each([
    ['raised', 100, 400],
    ['lowered', 60_000, 8000],
  ])(
    'whose timeout the servers have %s says so once, and counts what was granted',
    async (_, asked, granted) => {
      const backend = backendOn({ sessionMs: asked })
      const leadership = await electionOn(backend, 'a').campaign()
      expect(leadership.remainingMs()).toBeLessThanOrEqual(granted)
      await electionOn(backend, 'a', 'another').campaign()
      const told = backend.failures.filter(({ during }) => during === 'opening a session')
      expect(told).toHaveLength(1)
      expect(String(told[0]?.error)).toContain(`for ${granted} ms where ${asked} ms were asked for`)
    },
  )

  it('that runs out before a renewal can be proven, by the tickTime that is given, is refused', async () => {
    const error = await refusal(electionOn(backendOn({ serverTickMs: 4000 }), 'a').campaign())
    expect([error.code, error.message]).toEqual(['INVALID_OPTIONS', expect.stringContaining('tickTime')])
  })

  it('of another process is released by its ticket, which is plain JSON, and then is gone', async () => {
    const backend = backendOn()
    const leadership = await electionOn(backend, 'a', 'released').campaign()
    const lost: number[] = []
    leadership.signal.addEventListener('abort', () => lost.push(performance.now()))
    const share = await backend.share({ candidateId: 'a', leaseMs: 2000 }, {})
    const ticket = JSON.parse(JSON.stringify(share.session.ticket?.()))
    const other = backendOn()
    const next = electionOn(other, 'b', 'released')
      .campaign()
      .then((won) => ({ won, at: performance.now() }))
    await eventually('b to stand', async () =>
      (await childrenOf(servers.addresses, '/app/released')).length === 2 ? true : undefined,
    )
    const startedMs = performance.now()
    expect(await other.releaseSession?.(ticket, {})).toBe('released')
    const { won, at } = await next
    expect(at - startedMs).toBeLessThan(1500)
    expect(won.token).toBeGreaterThan(leadership.token)
    // Its process was said to be dead. One that lives is told by the servers, as of an operator's deletion.
    expect(await leadership.lost).toBe('revoked')
    expect((lost[0] ?? Infinity) - at).toBeLessThan(500)
    expect(await other.releaseSession?.(ticket, {})).toBe('gone')
    await share.leave({})
    // The candidate that lost its session stands again, on a new one.
    await won.resign()
    expect((await electionOn(backend, 'a', 'released').campaign()).token).toBeGreaterThan(won.token)
  })

  it('carries a thousand elections with the traffic of one', async () => {
    // Long enough for a busy machine to be slow for seconds.
    const backend = backendOn({ sessionMs: 8000, serverTickMs: 200 })
    const perSecond = async (): Promise<number> => {
      const before = await servers.members[0]!.received()
      await new Promise((resolve) => setTimeout(resolve, 2000))
      return ((await servers.members[0]!.received()) - before) / 2
    }
    await electionOn(backend, 'a', 'shard-0').campaign()
    const one = await perSecond()
    const held = await Promise.all(
      Array.from({ length: 999 }, (_, index) => electionOn(backend, 'a', `shard-${index + 1}`).campaign()),
    )
    const thousand = await perSecond()
    expect(held.every((leadership) => leadership.isValid())).toBe(true)
    // Two beats in a second; the counting itself asks twice.
    expect(one).toBeLessThan(8)
    expect(thousand).toBeLessThan(one + 5)
  }, 60_000)
})

describe('tokens', () => {
  it('grow when the election itself was deleted, and its numbers begin again', async () => {
    const backend = backendOn()
    const first = await electionOn(backend, 'a', 'reborn').campaign()
    await first.resign()
    const client = await bareClient(servers.addresses)
    await client.delete('/app/reborn')
    client.close()
    const second = await electionOn(backend, 'a', 'reborn').campaign()
    expect((await childrenOf(servers.addresses, '/app/reborn'))[0]).toMatch(/-latch-0000000000$/)
    expect(second.token).toBeGreaterThan(first.token)
  })

  it('are raised by tokenBase, and compare within one scope: that of the data below the chroot', async () => {
    const plain = await electionOn(backendOn(), 'a', 'based').campaign()
    await plain.resign()
    const raised = await electionOn(backendOn({ tokenBase: 1n << 61n }), 'b', 'based').campaign()
    expect(raised.token).toBeGreaterThan(1n << 61n)
    expect(raised.tokenScope).toBe(plain.tokenScope)
    const elsewhere = await electionOn(backendOn({ chroot: '/other' }), 'a', 'based').campaign()
    expect(elsewhere.tokenScope).not.toBe(plain.tokenScope)
  })

  it('have no scope below a .mandate that somebody else filled', async () => {
    const client = await bareClient(servers.addresses)
    for (const path of ['/foreign', '/foreign/.mandate'])
      await client.create(path, Buffer.from('theirs'), { mode: 'persistent', acl: openAcl })
    client.close()
    const error = await refusal(electionOn(backendOn({ chroot: '/foreign' }), 'a').campaign())
    expect(error.code).toBe('DATA_CORRUPT')
    expect(error.message).toContain('/foreign/.mandate')
  })
})

describe('a candidate', () => {
  it('lets go when a Curator peer asks its holder to (__REVOKE__)', async () => {
    const backend = backendOn({ dialect: 'curator-lock' })
    const leadership = await electionOn(backend, 'a', 'revocable').campaign()
    const [name] = await childrenOf(servers.addresses, '/app/revocable')
    const client = await bareClient(servers.addresses)
    await client.multi([
      { op: 'setData', path: `/app/revocable/${name}`, data: Buffer.from('__REVOKE__'), version: -1 },
    ])
    expect(await leadership.lost).toBe('revoked')
    await eventually('its znode to go', async () =>
      (await childrenOf(servers.addresses, '/app/revocable')).length === 0 ? true : undefined,
    )
    client.close()
  })

  it('is told that its election has more candidates than it can read, and its other leaderships stay', async () => {
    const writer = await bareClient(servers.addresses)
    await writer.createChroot(openAcl)
    await writer.create('/full', Buffer.alloc(0), { mode: 'persistent', acl: openAcl })
    await writer.create('/full/crowd', Buffer.alloc(0), { mode: 'persistent', acl: openAcl })
    for (let count = 0; count < 30; count++)
      await writer.create(`/full/crowd/${'x'.repeat(150)}-`, Buffer.alloc(0), {
        mode: 'ephemeral-sequential',
        acl: openAcl,
      })
    const backend = backendOn({ chroot: '/full', frameBytesMax: 4096 })
    const other = await electionOn(backend, 'a', 'other').campaign()
    const error = await refusal(electionOn(backend, 'a', 'crowd').campaign())
    expect(error).toMatchObject({ code: 'LIMIT_EXCEEDED', message: expect.stringContaining('/full/crowd') })
    expect(other.isValid()).toBe(true)
    // And its own node is not among them any more.
    const names = await childrenOf(servers.addresses, '/full/crowd')
    expect(names.filter((name) => !name.startsWith('x'))).toEqual([])
    writer.close()
  })

  it('leaves no node behind where the answer to its creation is lost, and it may not list the others', async () => {
    const root = await bareClient(servers.addresses, { auth: 'root:secret' })
    const acl = [
      { perms: 31, scheme: 'auth', id: '' },
      // To create and to delete.
      { perms: 4 | 8, scheme: 'world', id: 'anyone' },
    ]
    await root.create('/blind', Buffer.alloc(0), { mode: 'persistent', acl: openAcl })
    await root.create('/blind/job', Buffer.alloc(0), { mode: 'persistent', acl })
    const [proxy] = await FaultProxy.toAll(servers.addresses)
    const backend = backendOn({ servers: [proxy!.address], chroot: '/blind' })
    proxy!.loseReply((piece) => piece.includes('/blind/job/') && piece.readInt32BE(8) === 15)
    const error = await refusal(electionOn(backend, 'a', 'job').campaign())
    expect(error).toMatchObject({ code: 'UNAUTHORIZED', message: expect.stringContaining('/blind/job') })
    expect(proxy!.armed).toBe(false)
    await eventually('its node to go', async () =>
      (await root.getChildren('/blind/job')).children.length === 0 ? true : undefined,
    )
    root.close()
    await proxy!.close()
  })

  it('has no name that ZooKeeper cannot keep', async () => {
    for (const name of ['.mandate', '..', 'zookeeper', 'smile-\u{1f600}']) {
      const error = await refusal(electionOn(backendOn(), 'a', name).campaign())
      expect(error.code, name).toBe('INVALID_NAME')
    }
  })
})

describe('the wire', () => {
  it('costs one answer, and not the connection, when that is longer than this client reads', async () => {
    const writer = await bareClient(servers.addresses)
    await writer.create('/long', Buffer.alloc(50_000), { mode: 'persistent', acl: openAcl })
    writer.close()
    const client = await bareClient(servers.addresses, { frameBytesMax: 4096 })
    const next = [client.getData('/long').catch((error: unknown) => error), client.exists('/long')]
    const [answer, stat] = await Promise.all(next)
    expect(isZooKeeperError(answer, 'ANSWERTOOLONG')).toBe(true)
    expect(stat).toHaveProperty('czxid', expect.any(BigInt))
    client.close()
  })
})

describe('over TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mandate-zookeeper-tls-'))
  const file = (name: string) => join(folder, name)
  let secure: ZooKeeperServers
  let address: string

  beforeAll(async () => {
    const { cert, key } = selfSigned(folder, 'server')
    writeFileSync(file('store.pem'), `${readFileSync(key, 'utf8')}${readFileSync(cert, 'utf8')}`)
    secure = await ZooKeeperServers.start({
      tickMs: 200,
      config: {
        secureClientPort: '{port}',
        serverCnxnFactory: 'org.apache.zookeeper.server.NettyServerCnxnFactory',
        'ssl.clientAuth': 'none',
        'ssl.keyStore.location': file('store.pem'),
        'ssl.keyStore.type': 'PEM',
        'ssl.trustStore.location': file('server.pem'),
        'ssl.trustStore.type': 'PEM',
      },
    })
    address = `127.0.0.1:${secure.members[0]!.sparePort}`
  }, 60_000)
  afterAll(async () => {
    await secure.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('a candidate leads, and a server with another name or of an unknown authority is refused', async () => {
    const ca = readFileSync(file('server.pem'))
    const leadership = await electionOn(backendOn({ servers: [address], tls: { ca } }), 'a').campaign()
    expect(leadership.isValid()).toBe(true)
    const strangers: ZooKeeperOptions['tls'][] = [{}, { ca, servername: 'elsewhere.example' }]
    for (const tls of strangers) {
      const error = await refusal(
        electionOn(backendOn({ servers: [address], tls, connectMs: 4000 }), 'b').campaign(),
      )
      expect(error.code).toBe('BACKEND_UNAVAILABLE')
      expect(error.message).toMatch(/certificate|altnames/i)
    }
  })
})
