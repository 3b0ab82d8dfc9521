/** The kinds of lock from before Leases, on a real API server and with records as client-go wrote them. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { kubernetes, type LockKind } from '../../../src/backends/kubernetes.ts'
import { writeLease } from '../../../src/backends/kubernetes/lease-object.ts'
import {
  LEADER_ANNOTATION,
  lockFormats,
  type KubernetesObject,
} from '../../../src/backends/kubernetes/lock-format.ts'
import { createElection } from '../../../src/index.ts'
import { eventually } from '../../integration/loopback.ts'
import { KubernetesServer } from '../kubernetes.ts'

let server: KubernetesServer
beforeAll(async () => {
  server = await KubernetesServer.start()
}, 90_000)
afterAll(() => server.close())

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

function ours(id: string, name: string, lock: LockKind) {
  const kubeconfig = server.kubeconfig('admin')
  // Whatever of so short a lease can be used, is: the machine may be busy.
  const pace = { leaseMs: 2000, renewDeadlineMs: 1900, retryMs: 300 }
  const backend = kubernetes({ kubeconfig, lock, ...pace, onBackgroundFailure: () => undefined })
  const election = createElection({ name, backend, candidate: { id } })
  ends.push(() => election.close())
  return { election, backend }
}

interface Annotated {
  readonly metadata: { readonly annotations: Record<string, string> }
}

interface LeaderRecord {
  readonly holderIdentity: string
  readonly leaseDurationSeconds: number
  readonly acquireTime: string
  readonly renewTime: string
  readonly leaderTransitions: number
}

describe.each([
  ['endpoints', 'Endpoints', { subsets: [{ addresses: [{ ip: '10.1.2.3' }], ports: [{ port: 80 }] }] }],
  ['configmaps', 'ConfigMap', { data: { key: 'value' } }],
] as const)('lock %s', (lock, kind, content) => {
  const collection = `/api/v1/namespaces/default/${lock}`

  const recordOf = async (name: string): Promise<LeaderRecord> => {
    const { body } = await server.call('GET', `${collection}/${name}`)
    return JSON.parse((body as Annotated).metadata.annotations[LEADER_ANNOTATION] ?? '') as LeaderRecord
  }

  /** As client-go's EndpointsLock and ConfigMapLock did. */
  const asClientGo = async (name: string, record: LeaderRecord): Promise<void> => {
    const found = await server.call('GET', `${collection}/${name}`)
    const object =
      found.status === 200 ? (found.body as Annotated) : { apiVersion: 'v1', kind, metadata: { name } }
    const annotations = { [LEADER_ANNOTATION]: JSON.stringify(record) }
    const body = { ...content, ...object, metadata: { ...object.metadata, annotations } }
    const [method, path] = found.status === 200 ? ['PUT', `${collection}/${name}`] : ['POST', collection]
    const { status } = await server.call(method ?? '', path ?? '', body)
    expect(status).toBeLessThan(300)
  }

  const seconds = (): string => `${new Date().toISOString().slice(0, 19)}Z`

  it('is created, handed over and released as client-go reads it, and the object keeps what it held', async () => {
    const name = `${lock}-hand-over`
    const released = { acquireTime: seconds(), renewTime: seconds(), leaderTransitions: 4 }
    await asClientGo(name, { holderIdentity: '', leaseDurationSeconds: 1, ...released })
    const first = await ours('ours-1', name, lock).election.campaign()
    expect(await recordOf(name)).toEqual({
      holderIdentity: 'ours-1',
      leaseDurationSeconds: 2,
      acquireTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string,
      renewTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string,
      leaderTransitions: 5,
    })
    const next = ours('ours-2', name, lock).election.campaign()
    await first.resign()
    const second = await next
    expect(second.token).toBeGreaterThan(first.token)
    await second.resign()
    expect(await recordOf(name)).toMatchObject({
      holderIdentity: '',
      leaseDurationSeconds: 1,
      leaderTransitions: 6,
    })
    const { body } = await server.call('GET', `${collection}/${name}`)
    expect(body).toMatchObject(content)
  })

  it('has another version after each renewal, also within a second', async () => {
    const name = `${lock}-same-second`
    const format = lockFormats[lock]
    const metadata = {}
    const next = {
      holder: 'ours-1',
      incarnation: 'i1',
      leaseMs: 2000,
      transitions: 1,
      exclusivity: 'time',
      metadata,
    } as const
    const second = Date.UTC(2026, 10, 23, 9)
    const about = { format, next, name, namespace: 'default' }
    let base: KubernetesObject | null = null
    const versions = new Set<string | undefined>()
    for (const [method, path, ms, token] of [
      ['POST', collection, 0, null],
      ['PUT', `${collection}/${name}`, 300, 7n],
      ['PUT', `${collection}/${name}`, 600, 7n],
      ['PUT', `${collection}/${name}`, 900, 7n],
    ] as const) {
      const { body } = await server.call(
        method,
        path,
        writeLease({ ...about, base, wallMs: second + ms, token }),
      )
      base = body as KubernetesObject
      versions.add(base.metadata?.resourceVersion)
    }
    expect(versions.size).toBe(4)
  })

  it('of a client-go candidate that renews is left alone, and taken over when it falls silent', async () => {
    const name = `${lock}-silence`
    const acquireTime = seconds()
    let renewals = 0
    const renew = (): Promise<void> =>
      asClientGo(name, {
        holderIdentity: 'go-1',
        leaseDurationSeconds: 2,
        acquireTime,
        // Two renewals within one second look alike there; a renewal that we count on does not.
        renewTime: new Date(Date.now() + 1000 * ++renewals).toISOString().slice(0, 19) + 'Z',
        leaderTransitions: 7,
      })
    await renew()
    const { election } = ours('ours-1', name, lock)
    let ledAt = Number.POSITIVE_INFINITY
    const campaign = election.campaign().then((won) => ((ledAt = performance.now()), won))
    await eventually('go-1 to be seen', async () => {
      const state = await election.current()
      return (state.type === 'led' && state.leader.id === 'go-1') || undefined
    })
    const untilMs = performance.now() + 4000
    let renewedAt = 0
    while (performance.now() < untilMs) {
      renewedAt = performance.now()
      await renew()
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
    await campaign
    // Counted from before the last renewal was sent.
    expect(ledAt - renewedAt).toBeGreaterThanOrEqual(2000)
    expect(await recordOf(name)).toMatchObject({ holderIdentity: 'ours-1', leaderTransitions: 8 })
  })

  it('tells what stands beside the token', async () => {
    const name = `${lock}-report`
    const { election, backend } = ours('ours-1', name, lock)
    expect(backend.lease(name)).toBeUndefined()
    const leadership = await election.campaign()
    const { body } = await server.call('GET', `${collection}/${name}`)
    const report = backend.lease(name)
    expect(report).toMatchObject({
      namespace: 'default',
      name,
      uid: (body as { metadata: { uid: string } }).metadata.uid,
      holder: 'ours-1',
      transitions: 0,
    })
    // A renewal may have come since.
    expect(BigInt(report?.resourceVersion ?? 0)).toBeGreaterThanOrEqual(leadership.token)
  })
})
