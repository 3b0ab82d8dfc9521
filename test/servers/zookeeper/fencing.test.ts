/** The guard on a real server: what a leader that was paused writes is refused by ZooKeeper itself. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { zookeeper } from '../../../src/backends/zookeeper.ts'
import type { Backend } from '../../../src/backends/backend.ts'
import { fenceOf, zookeeperGuard, type ZooKeeperGuard } from '../../../src/fencing/index.ts'
import { createElection } from '../../../src/index.ts'
import { CandidateProcess } from '../../chaos/candidate-process.ts'
import { eventually } from '../../integration/loopback.ts'
import { ZooKeeperServers } from '../zookeeper.ts'
import { bareClient, openAcl } from './bare-client.ts'

let servers: ZooKeeperServers
let guard: ZooKeeperGuard
const backends: Backend[] = []

beforeAll(async () => {
  servers = await ZooKeeperServers.start({ tickMs: 200 })
  guard = zookeeperGuard({ servers: servers.addresses, chroot: '/app' })
}, 60_000)
afterEach(async () => {
  await Promise.all(backends.splice(0).map((backend) => backend.close()))
})
afterAll(async () => {
  await guard.close()
  await servers.close()
})

async function lead(id: string, name: string, chroot = '/app') {
  const backend = zookeeper({ servers: servers.addresses, chroot, sessionMs: 1000 })
  backends.push(backend)
  return createElection({ name, backend, candidate: { id } }).campaign()
}

async function contentOf(path: string): Promise<string> {
  const client = await bareClient(servers.addresses)
  const { data } = await client.getData(path)
  client.close()
  return data.toString()
}

it('refuses a leader that was paused past its session, however late it writes, and takes its successor', async () => {
  const options = { servers: servers.addresses, sessionMs: 1000, chroot: '/app' }
  const backend = { module: 'mandate/zookeeper', factory: 'zookeeper', options }
  const paused = new CandidateProcess({ backend, id: 'paused', election: 'ledger' })
  const led = await paused.leadership()
  const stale = { token: BigInt(led.token), scope: led.scope, election: 'ledger' }
  expect(await guard.write(stale, [{ create: '/ledger-last', data: '1' }])).toEqual({ is: 'written' })
  paused.stop()
  const successor = await lead('successor', 'ledger')
  // The job that the paused one had begun goes on now, with its token.
  await expect(guard.write(stale, [{ set: '/ledger-last', data: 'stale' }])).rejects.toMatchObject({
    code: 'LEADERSHIP_LOST',
    details: { token: led.token },
  })
  expect(await contentOf('/app/ledger-last')).toBe('1')
  expect(await guard.write(fenceOf(successor), [{ set: '/ledger-last', data: '2' }])).toEqual({
    is: 'written',
  })
  expect(await contentOf('/app/ledger-last')).toBe('2')
  paused.cont()
  await eventually('it to lose', () => paused.told('lost')[0])
  paused.kill('SIGKILL')
  await paused.ended
})

it('refuses who resigned, also while nobody follows, and a guard that never saw it before', async () => {
  const leadership = await lead('a', 'resigned')
  const fence = fenceOf(leadership)
  await guard.write(fence, [])
  await leadership.resign()
  await expect(guard.write(fence, [])).rejects.toMatchObject({ code: 'LEADERSHIP_LOST' })
  const fresh = zookeeperGuard({ servers: servers.addresses, chroot: '/app' })
  await expect(fresh.write(fence, [])).rejects.toMatchObject({ code: 'LEADERSHIP_LOST' })
  await fresh.close()
  await expect(fresh.write(fence, [])).rejects.toMatchObject({ code: 'CLOSED' })
})

it('never compares tokens of two scopes', async () => {
  const elsewhere = await lead('a', 'ledger', '/elsewhere')
  await (await lead('a', 'ledger')).resign()
  await expect(guard.write(fenceOf(elsewhere), [])).rejects.toMatchObject({
    code: 'CLUSTER_MISMATCH',
    details: { actual: elsewhere.tokenScope },
  })
})

it('writes all or nothing, and says which path ZooKeeper refused for a reason of its own', async () => {
  const fence = fenceOf(await lead('a', 'atomic'))
  await guard.write(fence, [{ create: '/one', data: '1' }])
  const answer = await guard.write(fence, [
    { set: '/one', data: '2' },
    { set: '/missing', data: '2' },
  ])
  expect(answer).toEqual({ is: 'refused', path: '/missing', reason: 'NONODE' })
  expect(await contentOf('/app/one')).toBe('1')
  const versioned = await guard.write(fence, [{ set: '/one', data: '2', version: 7 }])
  expect(versioned).toEqual({ is: 'refused', path: '/one', reason: 'BADVERSION' })
  expect(await guard.write(fence, [{ delete: '/one', version: 0 }])).toEqual({ is: 'written' })
})

it("gives the check for a transaction of somebody else's client", async () => {
  const leadership = await lead('a', 'own-client')
  const { check } = await guard.condition(fenceOf(leadership))
  const client = await bareClient(servers.addresses)
  const write = {
    op: 'create',
    path: '/app/mine',
    data: Buffer.alloc(0),
    acl: openAcl,
    mode: 'persistent',
  } as const
  await client.multi([{ op: 'check', path: check, version: -1 }, write])
  await leadership.resign()
  const late = client.multi([
    { op: 'check', path: check, version: -1 },
    { ...write, path: '/app/late' },
  ])
  await expect(late).rejects.toMatchObject({ code: 'NONODE', path: check })
  client.close()
})
