/** Who may do what, on a real API server with RBAC: the Role that we print is enough, and what it lacks is said. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { BackgroundFailure } from '../../../src/backends/backend.ts'
import { kubernetes, type KubernetesOptions } from '../../../src/backends/kubernetes.ts'
import { lockFormats, type LockKind } from '../../../src/backends/kubernetes/lock-format.ts'
import { roleFor } from '../../../src/backends/kubernetes/role.ts'
import { createElection, isMandateError } from '../../../src/index.ts'
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

let namespaces = 0
const freshNamespace = (): Promise<string> => server.namespace(`rights-${++namespaces}`)

function candidate(id: string, kubeconfig: string, options: KubernetesOptions = {}) {
  const failures: BackgroundFailure[] = []
  const backend = kubernetes({
    kubeconfig,
    ...{ leaseMs: 3000, renewDeadlineMs: 2900, retryMs: 400 },
    ...options,
    onBackgroundFailure: (failure) => void failures.push(failure),
  })
  const election = createElection({ name: 'billing', backend, candidate: { id } })
  ends.push(() => election.close())
  return { election, failures }
}

const rbac = (namespace: string, kind: string): string =>
  `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/${kind}`

/** The Role as we print it, or without some of its verbs. */
async function grant(namespace: string, o: { lock?: LockKind; without?: string } = {}): Promise<void> {
  const { lock = 'lease', without } = o
  const role = parse(roleFor({ namespace, lease: 'billing', format: lockFormats[lock] })) as {
    rules: { verbs: string[] }[]
  }
  for (const rule of role.rules) rule.verbs = rule.verbs.filter((verb) => verb !== without)
  expect(await server.call('POST', rbac(namespace, 'roles'), role)).toMatchObject({ status: 201 })
  await bind(namespace)
}

async function bind(namespace: string): Promise<void> {
  const binding = {
    metadata: { name: 'candidates' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'billing-election' },
    subjects: [{ kind: 'User', name: 'worker' }],
  }
  expect(await server.call('POST', rbac(namespace, 'rolebindings'), binding)).toMatchObject({ status: 201 })
}

const unbind = (namespace: string) => server.call('DELETE', `${rbac(namespace, 'rolebindings')}/candidates`)

/** The API server's authorizer learns of a Role a moment after it was made. */
async function permitted(namespace: string, lock: LockKind = 'lease'): Promise<void> {
  const { apiGroup: group, resource } = lockFormats[lock]
  const review = {
    spec: {
      user: 'worker',
      resourceAttributes: { namespace, group, resource, verb: 'get', name: 'billing' },
    },
  }
  await eventually('the Role to count', async () => {
    const { body } = await server.call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', review)
    return (body as { status: { allowed: boolean } }).status.allowed || undefined
  })
}

describe('the Role that we print', () => {
  it.each(['lease', 'endpoints', 'configmaps'] as const)(
    'is enough to lead, to wait and to release with lock %s',
    async (lock) => {
      const namespace = await freshNamespace()
      await grant(namespace, { lock })
      await permitted(namespace, lock)
      const kubeconfig = server.kubeconfig('worker', server.url, namespace)
      const [a, b] = [candidate('a', kubeconfig, { lock }), candidate('b', kubeconfig, { lock })]
      const first = await a.election.campaign()
      const next = b.election.campaign()
      await eventually('b to see a', async () => {
        const state = await b.election.current()
        return (state.type === 'led' && state.leader.id === 'a') || undefined
      })
      await first.resign()
      expect((await next).token).toBeGreaterThan(first.token)
      expect([...a.failures, ...b.failures]).toEqual([])
    },
  )

  it('is what an error for missing rights prints, with the names in place', async () => {
    const namespace = await freshNamespace()
    const { election } = candidate('a', server.kubeconfig('stranger', server.url, namespace))
    const error: unknown = await election.campaign().catch((refused: unknown) => refused)
    expect(isMandateError(error, 'FORBIDDEN')).toBe(true)
    expect(String(error)).toContain(roleFor({ namespace, lease: 'billing' }))
  })

  it('without watch is said once, and the candidate polls', async () => {
    const namespace = await freshNamespace()
    await grant(namespace, { without: 'watch' })
    await permitted(namespace)
    const kubeconfig = server.kubeconfig('worker', server.url, namespace)
    const [a, b] = [candidate('a', kubeconfig), candidate('b', kubeconfig)]
    const first = await a.election.campaign()
    const next = b.election.campaign()
    await eventually('b to say so', () => b.failures[0])
    await first.resign()
    expect((await next).isValid()).toBe(true)
    expect(b.failures).toMatchObject([{ during: 'watch of lease billing', error: { code: 'FORBIDDEN' } }])
  })
})

describe('rights that are withdrawn from a leader', () => {
  it('end its leadership at its deadline, before another candidate leads, and are told with their Role', async () => {
    const namespace = await freshNamespace()
    await grant(namespace)
    await permitted(namespace)
    const worker = candidate('worker', server.kubeconfig('worker', server.url, namespace))
    const other = candidate('other', server.kubeconfig('admin', server.url, namespace))
    const first = await worker.election.campaign()
    const next = other.election.campaign().then((leadership) => {
      expect(first.isValid()).toBe(false)
      return leadership
    })
    await unbind(namespace)
    expect(await first.lost).toBe('expired')
    expect((await next).token).toBeGreaterThan(first.token)
    expect(worker.failures.map(({ error }) => isMandateError(error, 'FORBIDDEN'))).toContain(true)
    await bind(namespace)
    await permitted(namespace)
    const again = worker.election.campaign()
    await (await next).resign()
    expect((await again).isValid()).toBe(true)
  })
})

describe('a token that rotates', () => {
  it('is read again when the API server refuses the old one, and the leader goes on', async () => {
    const namespace = await freshNamespace()
    await grant(namespace)
    const account = `/api/v1/namespaces/${namespace}/serviceaccounts`
    const made = { metadata: { name: 'elector' } }
    const token = async (): Promise<string> => {
      expect(await server.call('POST', account, made)).toMatchObject({ status: 201 })
      const request = { spec: { expirationSeconds: 3600 } }
      const { body } = await server.call('POST', `${account}/elector/token`, request)
      return (body as { status: { token: string } }).status.token
    }
    const binding = {
      metadata: { name: 'elector' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'billing-election' },
      subjects: [{ kind: 'ServiceAccount', name: 'elector', namespace }],
    }
    await server.call('POST', rbac(namespace, 'rolebindings'), binding)
    await permitted(namespace)
    const first = await token()
    const file = join(server.folder, `token-${namespace}`)
    writeFileSync(file, first)
    const { election } = candidate('a', kubeconfigWithTokenFile(file, namespace), {
      leaseMs: 30_000,
      renewDeadlineMs: 10_000,
      retryMs: 500,
    })
    const leadership = await election.campaign()
    // Another account of the same name: tokens of the first one are worth nothing from now on.
    await server.call('DELETE', `${account}/elector`)
    const second = await token()
    writeFileSync(file, second)
    const path = server.leasePath('billing', namespace)
    const refused = async () => (await server.call('GET', path, undefined, first)).status === 401 || undefined
    await eventually('the old token to be refused', refused)
    const renewTime = async (): Promise<unknown> =>
      ((await server.call('GET', path)).body as { spec: { renewTime: string } }).spec.renewTime
    const before = await renewTime()
    await eventually('a renewal', async () => (await renewTime()) !== before || undefined)
    expect(leadership.isValid()).toBe(true)
  }, 60_000)
})

function kubeconfigWithTokenFile(tokenFile: string, namespace: string): string {
  const plain = server.kubeconfig('worker', server.url, namespace)
  const path = `${plain}-token-file`
  const config = JSON.stringify({
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'elector', namespace } }],
    clusters: [
      {
        name: 'test',
        cluster: {
          server: server.url,
          'certificate-authority-data': Buffer.from(server.authorities).toString('base64'),
        },
      },
    ],
    users: [{ name: 'elector', user: { tokenFile } }],
  })
  writeFileSync(path, config)
  return path
}
