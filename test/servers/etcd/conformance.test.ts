/** The whole suite against real etcd servers. Cases run side by side, each under a prefix of its own. */
import { afterAll } from 'vitest'
import { etcd } from '../../../src/backends/etcd.ts'
import { etcdFacts } from '../../../src/backends/etcd/facts.ts'
import { playOnServers, serverWorld } from '../conformance-world.ts'
import { EtcdEnsemble } from '../etcd.ts'

const concurrency = 6
const leaseMs = 2000

/** A server serves one case at a time, because some cases restart it. */
const idle: EtcdEnsemble[] = []
const all: EtcdEnsemble[] = []
let worlds = 0

afterAll(() => Promise.all(all.map((each) => each.close())))

async function server(): Promise<EtcdEnsemble> {
  const free = idle.pop()
  if (free !== undefined) return free
  const started = await EtcdEnsemble.start({ folder: 'memory' })
  all.push(started)
  return started
}

playOnServers(
  {
    name: 'etcd',
    facts: etcdFacts,
    absent: { evidence: 'etcd frees an election by the end of a lease, and takes no hint' },
    leaseMs,
    expiryMs: 4 * leaseMs,
    concurrency,
    create: async () => {
      const servers = await server()
      const prefix = `world-${++worlds}`
      return serverWorld({
        servers: servers.addresses,
        backend: (endpoints, { id, clock }) =>
          etcd({
            endpoints,
            prefix,
            clock,
            candidateId: id,
            ttlMs: leaseMs,
            onBackgroundFailure: () => undefined,
          }),
        restartServers: async () => {
          for (const member of servers.members) await member.restart()
        },
        close: async () => {
          idle.push(servers)
        },
      })
    },
  },
  ['no evidence here: etcd frees an election by the end of a lease, and takes no hint'],
)
