/** What etcd may refuse, and how that is told: users and their rights, certificates, addresses, leases, old revisions. */
import { afterEach, describe, expect, it } from 'vitest'
import type { BackgroundFailure } from '../../../src/backends/backend.ts'
import { etcd, type EtcdOptions } from '../../../src/backends/etcd.ts'
import { isMandateError } from '../../../src/errors.ts'
import { createElection, type Election } from '../../../src/index.ts'
import { eventually, refusal } from '../../integration/loopback.ts'
import { pemsOf, selfSigned } from '../certificates.ts'
import { EtcdEnsemble, type EtcdOptions as ServerOptions } from '../etcd.ts'
import { FaultProxy } from '../proxy.ts'

const ends: (() => unknown)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

async function start(options: ServerOptions = {}): Promise<EtcdEnsemble> {
  const servers = await EtcdEnsemble.start({ folder: 'memory', ...options })
  ends.push(() => servers.close())
  return servers
}

function candidate(
  options: EtcdOptions,
  name = 'billing',
): Election & { readonly failures: BackgroundFailure[] } {
  const failures: BackgroundFailure[] = []
  const onBackgroundFailure = (failure: BackgroundFailure): number => failures.push(failure)
  const backend = etcd({ ttlMs: 2000, onBackgroundFailure, ...options })
  ends.push(() => backend.close())
  return Object.assign(createElection({ name, backend, candidate: { id: 'a' } }), { failures })
}

describe('users', () => {
  async function withUsers(): Promise<EtcdEnsemble> {
    const servers = await start({ flags: { 'auth-token-ttl': '1' } })
    const commands = [
      'user add root:root-pass',
      'user grant-role root root',
      'role add app',
      'role grant-permission app --prefix=true readwrite billing/',
      'user add app:app-pass',
      'user grant-role app app',
      'auth enable',
    ]
    for (const command of commands) await servers.etcdctl(...command.split(' '))
    return servers
  }

  /** Resolves when tokens that were given by now have run out, unless they are used: that lengthens their lives. */
  async function tokensRunOut({ addresses: [address] }: EtcdEnsemble): Promise<void> {
    const ask = (path: string, body: object, authorization?: string) =>
      fetch(`http://${address}/v3/${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: authorization === undefined ? {} : { authorization },
      })
    const given = Array.from({ length: 10 }, async () => {
      const answer = await ask('auth/authenticate', { name: 'app', password: 'app-pass' })
      return ((await answer.json()) as { readonly token: string }).token
    })
    const unused = await Promise.all(given)
    const key = Buffer.from('billing/x').toString('base64')
    const look = async (): Promise<true | undefined> =>
      (await ask('kv/range', { key }, unused.pop())).status === 401 ? true : undefined
    // Each look spends a token.
    await eventually('the tokens to run out', look, { everyMs: 1000 })
  }

  it('a user with the right to the prefix leads, and goes on when its auth token has run out', async () => {
    const servers = await withUsers()
    const { addresses: endpoints } = servers
    // Long enough for a machine that is busy with ten logins and their hashes.
    const election = candidate({ endpoints, user: 'app', password: 'app-pass', ttlMs: 20_000 })
    const leadership = await election.campaign()
    // The stream of renewals needs none.
    await tokensRunOut(servers)
    expect(leadership.isValid()).toBe(true)
    expect(await leadership.proclaim({ version: '2' })).toBe('done')
    await leadership.resign()
    const again = await election.campaign()
    expect(again.token).toBeGreaterThan(leadership.token)
  })

  it('who waits is woken, although the auth token of its watches has run out meanwhile', async () => {
    const servers = await withUsers()
    const { addresses: endpoints } = servers
    const stands = (id: string): Election => {
      const options = { endpoints, user: 'app', password: 'app-pass', ttlMs: 5000 }
      const backend = etcd({ ...options, onBackgroundFailure: () => undefined })
      ends.push(() => backend.close())
      return createElection({ name: 'billing', backend, candidate: { id } })
    }
    const standing = (count: number): Promise<unknown> =>
      eventually(`${count} to stand`, async () => {
        const root = ['--user', 'root:root-pass']
        const keys = await servers.etcdctl(...root, 'get', '--prefix', 'billing/', '--keys-only')
        return keys.split('\n').filter((key) => key !== '').length === count ? true : undefined
      })
    const leadership = await stands('a').campaign()
    const abort = new AbortController()
    const second = stands('b').campaign({ signal: abort.signal })
    await standing(2)
    const third = stands('c').campaign()
    await standing(3)
    await tokensRunOut(servers)
    abort.abort()
    expect((await refusal(() => second)).code).toBe('CANCELLED')
    await standing(2)
    // Now the third waits for the first, by a watch that it asks for on its old stream: its own key, and the first's.
    await eventually('its watch', async () => {
      const text = await (await fetch(`http://${endpoints[0]}/metrics`)).text()
      return /^etcd_debugging_mvcc_watcher_total 3$/m.test(text) ? true : undefined
    })
    await leadership.resign()
    expect((await third).isValid()).toBe(true)
  })

  it('no user, a wrong password and a missing right are told apart', async () => {
    const { addresses: endpoints } = await withUsers()
    const nobody = await refusal(() => candidate({ endpoints }).campaign())
    expect([nobody.code, nobody.message]).toEqual([
      'UNAUTHORIZED',
      expect.stringContaining('`user` and `password`'),
    ])
    const wrong = await refusal(() => candidate({ endpoints, user: 'app', password: 'x' }).campaign())
    expect(wrong.code).toBe('UNAUTHORIZED')
    expect(wrong.message).not.toContain('app-pass')
    const elsewhere = await refusal(() =>
      candidate({ endpoints, user: 'app', password: 'app-pass' }, 'other').campaign(),
    )
    expect([elsewhere.code, elsewhere.message]).toEqual(['FORBIDDEN', expect.stringContaining('grant')])
  })

  it('a user on servers that know none goes on without', async () => {
    const { addresses: endpoints } = await start()
    await candidate({ endpoints, user: 'app', password: 'x' }).campaign()
  })
})

describe('TLS', () => {
  it('servers are checked by their authority, and take clients that have a certificate', async () => {
    // Signed by themselves: each is its own authority.
    const plain = await start()
    const [server, client] = [selfSigned(plain.folder, 'server'), selfSigned(plain.folder, 'client')]
    const flags = {
      ...{ 'cert-file': server.cert, 'key-file': server.key },
      ...{ 'client-cert-auth': 'true', 'trusted-ca-file': client.cert },
    }
    const servers = await start({ scheme: 'https', flags })
    const pems = ['--cacert', server.cert, '--cert', client.cert, '--key', client.key]
    await eventually('the servers', () =>
      servers.etcdctl(...pems, 'endpoint', 'health').then(
        () => true as const,
        () => undefined,
      ),
    )
    const { addresses: endpoints } = servers
    const tls = pemsOf(client, server)
    const leadership = await candidate({ endpoints, tls }).campaign()
    expect(leadership.isValid()).toBe(true)

    const bare = await refusal(() => candidate({ endpoints, tls: { ca: tls.ca } }).campaign())
    expect(bare.code).toBe('BACKEND_UNAVAILABLE')
    const distrusting = await refusal(() => candidate({ endpoints, tls: true }).campaign())
    expect([distrusting.code, distrusting.message]).toEqual([
      'BACKEND_UNAVAILABLE',
      expect.stringMatching(/self.signed/),
    ])
  })
})

describe('addresses', () => {
  it('one that answers is found among those that do not', async () => {
    const { addresses: endpoints } = await start()
    const hole = await FaultProxy.to(1)
    hole.blackHole()
    ends.push(() => hole.close())
    const election = candidate({ endpoints: ['127.0.0.1:1', hole.address, ...endpoints] })
    expect((await election.campaign()).isValid()).toBe(true)
  })

  it('none that answers is told in bounded time, each with its reason', async () => {
    const since = performance.now()
    const error = await refusal(() =>
      candidate({ endpoints: ['127.0.0.1:1', 'http://127.0.0.1:2'] }).campaign(),
    )
    expect(error.code).toBe('BACKEND_UNAVAILABLE')
    expect(error.message).toMatch(/http:\/\/127\.0\.0\.1:1 \(.*ECONNREFUSED/)
    expect(error.message).toContain('http://127.0.0.1:2 (')
    expect(performance.now() - since).toBeLessThan(15_000)
  })

  it('a server that is no etcd is told', async () => {
    const { createServer } = await import('node:http2')
    const server = createServer((_request, response) => response.writeHead(404).end())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    ends.push(() => new Promise((resolve) => server.close(resolve)))
    const { port } = server.address() as { port: number }
    const error = await refusal(() => candidate({ endpoints: [`127.0.0.1:${port}`] }).campaign())
    expect(['PROTOCOL_ERROR', 'BACKEND_UNAVAILABLE']).toContain(error.code)
  })

  it('wrong options are all told at once, without the password', async () => {
    const error = await refusal(() =>
      etcd({
        endpoints: ['ftp://x'],
        ttlMs: 5,
        password: 'hunter2',
        prefix: 'a/',
        layout: 'java' as never,
        other: 1,
      } as EtcdOptions),
    )
    for (const part of [
      'ftp://x',
      'ttlMs is 5',
      'user is absent',
      'prefix is',
      "'go' or 'etcd3'",
      'other is 1',
    ])
      expect(error.message).toContain(part)
    expect(error.message).not.toContain('hunter2')
  })
})

it('a lease that the servers raise is told once, and what they granted counts', async () => {
  const { addresses: endpoints } = await start({ heartbeatMs: 200, electionMs: 2000 })
  const election = candidate({ endpoints, ttlMs: 1000 })
  const leadership = await election.campaign()
  expect(leadership.remainingMs()).toBeGreaterThan(2000)
  const told = election.failures
    .map(({ error }) => String(error))
    .filter((text) => text.includes('grants leases'))
  expect(told).toHaveLength(1)
})

it('an observer that was away while the store forgot what it missed sees the newest leader', async () => {
  const servers = await start()
  const proxy = await FaultProxy.to(servers.addresses[0] ?? '')
  ends.push(() => proxy.close())
  const watcher = candidate({ endpoints: [proxy.address] })
  const seen: string[] = []
  const abort = new AbortController()
  ends.push(() => abort.abort())
  void (async () => {
    for await (const state of watcher.observe({ signal: abort.signal }))
      seen.push(state.type === 'led' ? state.leader.id : state.type)
  })().catch(() => undefined)
  await eventually('the vacancy', () => seen[0])
  proxy.blackHole()
  for (let turn = 0; turn < 20; turn++) await servers.etcdctl('put', 'billing/1', `leader-${turn}`)
  const { header } = await servers.members[0]!.status()
  await servers.etcdctl('compact', header.revision)
  await eventually('the loss of contact', () => seen.includes('unknown') || undefined)
  await proxy.heal({ held: 'drop' })
  await eventually('the newest leader', () => seen.at(-1) === 'leader-19' || undefined)
})

it('endpoints of two clusters are told apart: nobody leads by the second what it led by the first', async () => {
  const [first, second] = [await start(), await start()]
  const election = candidate({ endpoints: [...first.addresses, ...second.addresses] })
  const leadership = await election.campaign()
  const { header } = await first.members[0]!.status()
  const used = header.cluster_id === leadership.tokenScope ? first : second
  await used.members[0]?.kill()
  expect(await leadership.lost).toBe('expired')
  const again = await refusal(() => election.campaign({ signal: AbortSignal.timeout(4000) }))
  expect(again.code).toBe('CANCELLED')
  expect(election.failures.some(({ error }) => isMandateError(error, 'CLUSTER_MISMATCH'))).toBe(true)
})

it('a key that somebody writes over is given up, so that it holds the election for nobody', async () => {
  const servers = await start()
  const election = candidate({ endpoints: servers.addresses })
  const leadership = await election.campaign()
  const key = await servers.etcdctl('get', '--prefix', 'billing/', '--keys-only')
  await servers.etcdctl('put', key.trim(), 'operator')
  expect(await leadership.lost).toBe('revoked')
  const again = await election.campaign()
  expect(again.token).toBeGreaterThan(leadership.token)
})
