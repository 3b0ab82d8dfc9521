import { afterAll, beforeAll } from 'vitest'
import { kubernetes } from '../../../src/backends/kubernetes.ts'
import { kubernetesFacts } from '../../../src/backends/kubernetes/driver.ts'
import { Pulse } from '../../integration/pulse.ts'
import { playOnServers, serverWorld } from '../conformance-world.ts'
import { KubernetesServer } from '../kubernetes.ts'
import { PlainFront } from '../plain-front.ts'

let server: KubernetesServer
let front: PlainFront
let pulse: Pulse
let worlds = 0
beforeAll(async () => {
  server = await KubernetesServer.start()
  front = await PlainFront.to(server.port)
  const map = { metadata: { name: 'pulse' } }
  const path = '/api/v1/namespaces/default/configmaps'
  await server.call('POST', path, map)
  pulse = new Pulse(() => server.call('PUT', `${path}/pulse`, map))
}, 90_000)
afterAll(async () => {
  pulse.close()
  await front.close()
  await server.close()
})

const leaseMs = 3000
/** Six candidates, an API server and its etcd share the machine: whatever of a lease can be used, is. */
const pace = { leaseMs, renewDeadlineMs: 2900, retryMs: 400 }
const ownRecord = 'each election is a Lease of its own, renewed by requests of its own'
const unseen = 'a Lease shows its holder only, and nobody who waits'
const skip = [
  { case: 'one session leads 200 elections, each with a token', reason: ownRecord },
  {
    case: 'a session that falls silent loses all 200 elections, and another takes them over',
    reason: ownRecord,
  },
  { case: 'one election that is resigned leaves the others of its session as they were', reason: ownRecord },
  { case: 'a transfer to somebody who does not stand is refused, and the leader stays', reason: unseen },
  {
    case: 'a second process with the id of a connected candidate that waits is refused with DUPLICATE_ID',
    reason: unseen,
  },
  {
    case: 'a second process with the id of a connected leader is refused with DUPLICATE_ID',
    reason: 'it is refused once it saw the leader renew twice',
  },
  {
    case: 'a renewal that was long on its way never takes a deadline back',
    reason: 'an answer later than a third of the lease counts as lost',
  },
  {
    case: 'names that differ only in case or in a prefix are different elections',
    reason: 'a Lease has no capitals',
  },
]
const writes = /^(PUT|POST) /

playOnServers(
  {
    name: 'kubernetes',
    facts: kubernetesFacts,
    leaseMs,
    // A renewal is due each third of the lease, and may last a third.
    toleratedStallMs: leaseMs / 6,
    server: { slowestMs: (since) => pulse.slowestMs(since) },
    absent: { restartArbiter: 'one API server serves every case', evidence: 'it knows no evidence of death' },
    skip,
    create: async () => {
      worlds++
      const namespace = await server.namespace(`world-${worlds}`)
      return serverWorld({
        servers: [front.address],
        backend: ([address = ''], { clock }) =>
          kubernetes({
            kubeconfig: server.kubeconfig('admin', `http://${address}`, namespace),
            scope: 'test',
            ...pace,
            clock,
            onBackgroundFailure: () => undefined,
          }),
        isRequest: (piece) => writes.test(piece.toString('latin1', 0, 8)),
        restartServers: () => Promise.reject(new Error('not in this world')),
        close: () => Promise.resolve(),
      })
    },
  },
  [
    'no restartArbiter here: one API server serves every case',
    'no evidence here: it knows no evidence of death',
    ...new Set(skip.map(({ reason }) => reason)),
  ],
)
