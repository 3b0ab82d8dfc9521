import { afterAll, beforeAll } from 'vitest'
import { playFaults } from '../../chaos/play-faults.ts'
import { KubernetesServer } from '../kubernetes.ts'
import { PlainFront } from '../plain-front.ts'

const leaseMs = 2000

/** One for all cases, which run one after the other: each has a namespace of its own. */
let server: KubernetesServer
let worlds = 0
beforeAll(async () => {
  server = await KubernetesServer.start()
}, 90_000)
afterAll(() => server.close())

playFaults({
  name: 'Kubernetes, one API server',
  expiryMs: leaseMs + 200,
  concurrency: 1,
  deletion: 'frees nobody',
  revocation: 'either',
  start: async () => {
    const namespace = await server.namespace(`faults-${++worlds}`)
    // Faults that know requests from answers need to read them.
    const front = await PlainFront.to(server.port)
    const path = (election: string): string => server.leasePath(election, namespace)
    return {
      addresses: [front.address],
      backend: ([address = '']) => ({
        module: 'mandate/kubernetes',
        factory: 'kubernetes',
        options: {
          kubeconfig: server.kubeconfig('admin', `http://${address}`, namespace),
          scope: 'test',
          ...{ leaseMs, renewDeadlineMs: 0.95 * leaseMs, retryMs: 300 },
        },
      }),
      revokeSession: async (election) => {
        // Until no renewal comes in between.
        for (;;) {
          const { body } = await server.call('GET', path(election))
          const lease = body as { spec: object }
          const freed = { ...lease, spec: { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 } }
          if ((await server.call('PUT', path(election), freed)).status === 200) return
        }
      },
      deleteKey: (election) => server.call('DELETE', path(election)),
      leader: () =>
        Promise.resolve({
          kill: () => server.api.kill(),
          restart: async () => {
            server.api.start()
            await server.ready()
          },
          stop: () => server.api.signal('SIGSTOP'),
          cont: () => server.api.signal('SIGCONT'),
        }),
      close: () => front.close(),
    }
  },
})
