/** What the user of `kubernetes()` may ask for, and what is refused before any request is made for it. */
import { describe, it } from 'vitest'
import { kubernetes, type KubernetesOptions } from '../../src/backends/kubernetes.ts'
import { createElection } from '../../src/election/election.ts'
import type { FakeApiServer } from './fake-api-server.ts'
import { stage } from './stage.ts'

/** As `@kubernetes/client-node` would be configured for it. */
const configFor = (api: FakeApiServer) => ({
  getCurrentContext: () => 'here',
  getContextObject: () => ({ namespace: 'jobs' }),
  getCurrentCluster: () => ({ server: api.url }),
  applyToHTTPSOptions: () => Promise.resolve(),
})

describe('kubernetes()', () => {
  it('takes a KubeConfig object, and tells what stands beside the token', async ({
    expect,
    onTestFinished,
  }) => {
    const { api, version } = await stage(onTestFinished)
    const backend = kubernetes({ kubeconfig: configFor(api) })
    onTestFinished(() => backend.close())
    const election = createElection({ name: 'billing', backend, candidate: { id: 'a' } })
    expect(backend.lease('billing')).toBeUndefined()
    const leadership = await election.campaign()
    expect(backend.lease('billing')).toMatchObject({
      namespace: 'jobs',
      name: 'billing',
      uid: api.object('billing')?.metadata?.uid,
      resourceVersion: version(),
      holder: 'a',
      transitions: 0,
    })
    await leadership.resign()
    expect(backend.lease('billing')).toMatchObject({ holder: null })
  })

  it('gives up a KubeConfig that does not answer when its caller does', async ({
    expect,
    onTestFinished,
  }) => {
    const { api } = await stage(onTestFinished)
    const asked = { ...configFor(api), applyToHTTPSOptions: () => new Promise<void>(() => undefined) }
    const backend = kubernetes({ kubeconfig: asked })
    const controller = new AbortController()
    const starting = backend.start({ signal: controller.signal })
    controller.abort()
    await expect(starting).rejects.toMatchObject({ code: 'CANCELLED' })
  })

  it('refuses two elections on one Lease in one process', async ({ expect, onTestFinished }) => {
    const { api } = await stage(onTestFinished)
    const backend = kubernetes({ kubeconfig: configFor(api), lease: 'shared' })
    onTestFinished(() => backend.close())
    const stand = (name: string) => createElection({ name, backend, candidate: { id: 'a' } }).campaign()
    await stand('one')
    await expect(stand('two')).rejects.toThrow(/'shared'.*'one' and 'two'/)
  })

  it.for<[KubernetesOptions, RegExp]>([
    [{ preset: 'slow' as 'fast' }, /preset is "slow": use fast, default or calm/],
    [{ lock: 'leases' as 'lease' }, /lock is "leases": use one of lease, endpoints, configmaps/],
    [{ leaseMs: 500 }, /leaseMs/],
    [{ renewDeadlineMs: 20_000 }, /renewDeadlineMs is 20000 with leaseMs 15000/],
    [{ retryMs: 9000 }, /retryMs 9000/],
  ])('refuses %o, naming the value and the fix', ([options, message], { expect }) => {
    expect(() => kubernetes(options)).toThrow(message)
  })
})
