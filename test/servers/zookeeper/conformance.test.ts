/**
 * The conformance suite against a real ZooKeeper: one server for all cases, each in a chroot of its own; those that
 * restart their arbiter get a server of their own.
 */
import { afterAll, beforeAll, describe, it, vi } from 'vitest'
import { zookeeper } from '../../../src/backends/zookeeper.ts'
import { zookeeperFacts } from '../../../src/backends/zookeeper/driver.ts'
import { backendConformance, type ConformanceWorld } from '../../../src/testing/conformance.ts'
import { unlessStalled } from '../../integration/stalls.ts'
import { playOnServers, serverWorld, type ServerSuite } from '../conformance-world.ts'
import { ZooKeeperServers } from '../zookeeper.ts'

const tickMs = 200
const leaseMs = 2000

let shared: ZooKeeperServers
let worlds = 0

beforeAll(async () => {
  shared = await ZooKeeperServers.start({ tickMs })
}, 60_000)
afterAll(() => shared.close())

const absent = {
  evidence: 'ZooKeeper frees an election by expiry alone',
}
const onShared: ServerSuite = {
  name: 'zookeeper',
  facts: zookeeperFacts,
  leaseMs,
  patienceMs: 10_000,
  expiryMs: 5 * leaseMs,
  absent: { ...absent, restartArbiter: 'the server serves other cases too' },
  create: () => Promise.resolve(worldOn(shared, () => Promise.resolve())),
}

playOnServers(onShared, [
  'no evidence here: ZooKeeper frees an election by expiry alone',
  'no restartArbiter here: the server serves other cases too',
])

describe.concurrent('zookeeper conforms, on a server that restarts', () => {
  vi.setConfig({ testTimeout: 180_000 })
  const suite: ServerSuite = {
    ...onShared,
    absent,
    create: async () => {
      const own = await ZooKeeperServers.start({ tickMs })
      return worldOn(own, () => own.close())
    },
  }
  const restarting = new Set(
    backendConformance(onShared).flatMap(({ name, skipped }) =>
      skipped?.startsWith('no restartArbiter here') === true ? [name] : [],
    ),
  )
  for (const { theme, name, run } of backendConformance(suite))
    if (restarting.has(name)) it(`${theme}: ${name}`, () => unlessStalled(run, leaseMs / 3))
})

function worldOn(servers: ZooKeeperServers, close: () => Promise<void>): ConformanceWorld {
  worlds += 1
  const chroot = `/world-${worlds}`
  return serverWorld({
    servers: servers.addresses,
    backend: (addresses, { clock }) =>
      zookeeper({
        servers: addresses,
        chroot,
        sessionMs: leaseMs,
        serverTickMs: tickMs,
        clock,
        onBackgroundFailure: () => undefined,
      }),
    restartServers: async () => {
      for (const member of servers.members) await member.restart()
    },
    close,
  })
}
