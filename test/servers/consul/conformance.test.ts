/**
 * The conformance suite against a real Consul. Its shortest session lives 10 s and ends after 20 s, so every session here
 * has a linked check of 3 s, which is what `checkMs` is for; expiry without one is in `expiry.test.ts`. The cases share a
 * server, each under a prefix of its own, but for those that restart it.
 */
import { afterAll, beforeAll, describe, it } from 'vitest'
import { consul } from '../../../src/backends/consul.ts'
import { consulFacts } from '../../../src/backends/consul/driver.ts'
import { consulSettings } from '../../../src/backends/consul/options.ts'
import { backendConformance } from '../../../src/testing/conformance.ts'
import { unlessStalled } from '../../integration/stalls.ts'
import { playOnServers, serverWorld, type ServerSuite } from '../conformance-world.ts'
import { ConsulServers } from '../consul.ts'

const leaseMs = 3000
/** Heartbeats are four to a lease, and one may be late. */
const toleratedStallMs = leaseMs / 4
const evidence = 'Consul frees an election by release or expiry alone'
const sharing = 'the cases share a server'
let shared: ConsulServers
let worlds = 0

beforeAll(async () => {
  shared = await ConsulServers.start()
})
afterAll(() => shared.close())

const suite: ServerSuite = {
  name: 'consul with a linked check',
  facts: consulFacts(consulSettings({ checkMs: leaseMs })),
  leaseMs,
  // A second process of an id is refused when the first outlived the silence of a dead one: 1.5 leases and 1 s.
  patienceMs: 15_000,
  expiryMs: 10 * leaseMs,
  concurrency: 12,
  toleratedStallMs,
  absent: { evidence, restartArbiter: sharing },
  create: () => Promise.resolve(worldOn(shared, () => Promise.resolve())),
}

playOnServers(suite, [
  'a health check may end a grant before its expiry',
  `no evidence here: ${evidence}`,
  `no restartArbiter here: ${sharing}`,
])

const left = backendConformance(suite).filter(
  ({ skipped }) => skipped === `no restartArbiter here: ${sharing}`,
)
const restarting = backendConformance({
  ...suite,
  absent: { evidence },
  create: async () => {
    const servers = await ConsulServers.start()
    return worldOn(servers, () => servers.close())
  },
})

describe.concurrent('consul that restarts conforms', () => {
  for (const { theme, name, run } of restarting) {
    if (left.some((each) => each.name === name))
      it(`${theme}: ${name}`, () => unlessStalled(run, toleratedStallMs))
  }
})

function worldOn(servers: ConsulServers, end: () => Promise<void>) {
  const prefix = `world-${++worlds}`
  return serverWorld({
    servers: [servers.first.address],
    backend: ([address], { id, clock }) => {
      const backend = consul({
        address,
        prefix,
        checkMs: leaseMs,
        clock,
        onBackgroundFailure: () => undefined,
      })
      return Object.assign(backend, { defaultCandidateId: id })
    },
    // Not the heartbeats: they come so often that nothing else would ever be lost.
    isRequest: (piece) =>
      /^PUT \/v1\/(txn|session\/create|session\/renew)/.test(piece.toString('latin1', 0, 40)),
    restartServers: () => servers.first.restart(),
    close: end,
  })
}
