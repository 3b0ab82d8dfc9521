/** What `mandate manifests` prints, on a real API server, by a service account that has these rights and no others. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { eventually } from '../../integration/loopback.ts'
import { Stage, job, until } from '../../cli/processes.ts'
import type { Mandate } from '../../cli/processes.ts'
import { KubernetesServer } from '../kubernetes.ts'
import { ServerProcess } from '../server-process.ts'

let server: KubernetesServer
let stage: Stage
beforeAll(async () => {
  server = await KubernetesServer.start()
}, 90_000)
afterAll(() => server.close())
beforeEach(() => void (stage = new Stage()))
afterEach(() => stage.close())

interface KubernetesObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Record<string, string>
  }
}

const collections: Readonly<Record<string, string>> = {
  ServiceAccount: 'serviceaccounts',
  Role: 'roles',
  RoleBinding: 'rolebindings',
  FlowSchema: 'flowschemas',
  Service: 'services',
  Deployment: 'deployments',
}

function pathOf({ apiVersion, kind, metadata }: KubernetesObject): string {
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`
  const scope = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`
  return `${root}${scope}/${collections[kind] ?? expect.fail(`no collection of ${kind}`)}`
}

/** Prints the manifests of an election, gives them to the server, and the kubeconfig of their service account. */
async function deployed(name: string, ...flags: readonly string[]) {
  const namespace = `${name}-jobs`
  await created('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  const { stdout, code } = await stage.finish(['manifests', name, '--namespace', namespace, ...flags])
  expect(code).toBe(0)
  const objects = parseAllDocuments(stdout).map((document) => document.toJS() as KubernetesObject)
  for (const object of objects) {
    const known = await knownHere(object)
    await created(pathOf(known), known)
  }
  const account = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}-election/token`
  const { body } = await server.call('POST', account, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {},
  })
  const { token } = (body as { status: { token: string } }).status
  const kubeconfig = join(stage.folder, `${name}.kubeconfig`)
  const ca = Buffer.from(server.authorities).toString('base64')
  const config = {
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace } }],
    clusters: [{ name: 'test', cluster: { server: server.url, 'certificate-authority-data': ca } }],
    users: [{ name: 'test', user: { token } }],
  }
  writeFileSync(kubeconfig, JSON.stringify(config))
  const container = JSON.stringify(objects.find(({ kind }) => kind === 'Deployment'))
  const backend = /"name":"MANDATE_BACKEND","value":"([^"]*)"/.exec(container)?.[1] ?? ''
  return { namespace, backend, kubeconfig }
}

/** The same object for a server older than Kubernetes 1.29: FlowSchemas were a beta, and there were no sidecars. */
async function knownHere(object: KubernetesObject): Promise<KubernetesObject> {
  const { body } = await server.call('GET', '/version')
  const minor = Number.parseInt((body as { minor: string }).minor, 10)
  if (minor >= 29) return object
  if (object.kind === 'FlowSchema') {
    const version = minor >= 26 ? 'v1beta3' : minor >= 23 ? 'v1beta2' : 'v1beta1'
    return { ...object, apiVersion: `flowcontrol.apiserver.k8s.io/${version}` }
  }
  if (object.kind !== 'Deployment') return object
  const { spec } = object as unknown as { spec: { template: { spec: PodSpec } } }
  const { initContainers = [], containers } = spec.template.spec
  const plain = { ...spec.template.spec, initContainers: [], containers: [...initContainers, ...containers] }
  return { ...object, spec: { ...spec, template: { ...spec.template, spec: plain } } } as KubernetesObject
}

interface PodSpec {
  readonly initContainers?: readonly object[]
  readonly containers: readonly object[]
}

async function created(path: string, object: object): Promise<void> {
  const { status, body } = await server.call('POST', path, object)
  expect({ status, said: status === 201 ? '' : body, path }).toEqual({ status: 201, said: '', path })
}

/** What the kubelet would run; without one it stays pending, and can be labelled all the same. */
async function pod(namespace: string, name: string): Promise<() => Promise<Record<string, string>>> {
  const path = `/api/v1/namespaces/${namespace}/pods`
  const spec = { containers: [{ name: 'main', image: 'none' }] }
  await created(path, { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app: 'x' } }, spec })
  return async () => {
    const { body } = await server.call('GET', `${path}/${name}`)
    return (body as KubernetesObject).metadata.labels ?? {}
  }
}

type Deployed = Awaited<ReturnType<typeof deployed>>

function inPod(
  { backend, kubeconfig, namespace }: Deployed,
  podName: string,
  args: readonly string[],
): Mandate {
  return stage.start(args, {
    MANDATE_BACKEND: backend,
    MANDATE_CANDIDATE_ID: podName,
    MANDATE_LOG_FORMAT: 'json',
    KUBECONFIG: kubeconfig,
    POD_NAME: podName,
    POD_NAMESPACE: namespace,
  })
}

async function untilLabelled(
  labels: () => Promise<Record<string, string>>,
  value: string | undefined,
  of: Mandate,
) {
  await eventually(`the label ${value}: ${of.stderr}`, async () => {
    return (await labels())['mandate.dev/leader'] === value || undefined
  })
}

const serve = (name: string): string[] => ['serve', name, '--http', '127.0.0.1:0', '--json']
const elected = (mandate: Mandate): Promise<void> =>
  until(
    () => mandate.events('elected').length > 0,
    'the election',
    () => mandate.stderr,
  )

describe('the manifests', () => {
  it('let a service account elect, label and tell, and do nothing else', async () => {
    const all = await deployed(
      'billing',
      '--service',
      '--events',
      '--flow-schema',
      '--sidecar',
      '--preset',
      'fast',
    )
    const { namespace } = all
    const labels = await pod(namespace, 'billing-1')
    const leader = inPod(all, 'billing-1', serve('billing'))
    await elected(leader)
    await untilLabelled(labels, 'billing', leader)
    expect(await labels()).toMatchObject({ app: 'x' })
    leader.kill('SIGTERM')
    expect(await leader.ended).toBe(0)
    expect(await labels()).not.toHaveProperty('mandate.dev/leader')
    expect(leader.events('campaigning').filter(({ level }) => level !== 'info')).toEqual([])
    const { body } = await server.call('GET', `/api/v1/namespaces/${namespace}/events`)
    const { items } = body as {
      items: { message: string; reason: string; involvedObject: { kind: string } }[]
    }
    expect(items.map(({ message }) => message).toSorted()).toEqual([
      'billing-1 became leader',
      'billing-1 stopped leading',
    ])
    expect(items[0]).toMatchObject({
      reason: 'LeaderElection',
      involvedObject: { kind: 'Lease', name: 'billing' },
    })

    const mayI = async (verb: string, group: string, resource: string, name = '', subresource = '') => {
      const review = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: {
          user: `system:serviceaccount:${namespace}:billing-election`,
          resourceAttributes: { namespace, verb, group, resource, name, subresource },
        },
      }
      const answer = await server.call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', review)
      return (answer.body as { status: { allowed: boolean } }).status.allowed
    }
    expect(await mayI('update', 'coordination.k8s.io', 'leases', 'billing')).toBe(true)
    expect(await mayI('patch', '', 'pods', 'billing-1', 'status')).toBe(true)
    for (const verb of ['delete', 'patch', 'list', 'deletecollection']) {
      expect(await mayI(verb, 'coordination.k8s.io', 'leases', 'billing')).toBe(false)
    }
    expect(await mayI('update', 'coordination.k8s.io', 'leases', 'another')).toBe(false)
    for (const verb of ['get', 'list', 'patch', 'update', 'delete', 'create']) {
      expect(await mayI(verb, '', 'pods', 'billing-1')).toBe(false)
    }
    expect(await mayI('get', '', 'secrets')).toBe(false)
  })

  it('serve `mandate run`: the command runs in one pod, and in the other when that one is asked to stop', async () => {
    const all = await deployed('nightly', '--service', '--preset', 'fast')
    const { namespace } = all
    const run = (name: string): Mandate =>
      inPod(all, name, ['run', 'nightly', '--grace', '100ms', '--', process.execPath, job])
    const labels = { a: await pod(namespace, 'nightly-a'), b: await pod(namespace, 'nightly-b') }
    const a = run('nightly-a')
    await a.commandPid()
    await untilLabelled(labels.a, 'nightly', a)
    const b = run('nightly-b')
    a.kill('SIGTERM')
    await a.ended
    await b.commandPid()
    await untilLabelled(labels.b, 'nightly', b)
    expect(await labels.a()).not.toHaveProperty('mandate.dev/leader')
  })

  it('a process that dies leaves its label, and the next one in its pod takes it off', async () => {
    const all = await deployed('crash', '--service', '--preset', 'fast')
    const labels = { a: await pod(all.namespace, 'crash-a'), b: await pod(all.namespace, 'crash-b') }
    const first = inPod(all, 'crash-a', serve('crash'))
    await untilLabelled(labels.a, 'crash', first)
    first.kill('SIGKILL')
    await first.ended
    const next = inPod(all, 'crash-b', serve('crash'))
    await untilLabelled(labels.b, 'crash', next)
    expect(await labels.a()).toHaveProperty('mandate.dev/leader')
    const again = inPod(all, 'crash-a', serve('crash'))
    await untilLabelled(labels.a, undefined, again)
    expect(await labels.b()).toHaveProperty('mandate.dev/leader', 'crash')
  })
})

it('without the right to label, and without a pod, it leads all the same and says what is missing', async () => {
  const all = await deployed('bare', '--preset', 'fast')
  const wants = { ...all, backend: `${all.backend}&leader-label=mandate.dev/leader=bare&events=true` }
  const leader = inPod(wants, 'bare-1', serve('bare'))
  await elected(leader)
  await until(
    () => leader.stderr.includes('pods/status') && leader.stderr.includes('events, create'),
    'the missing rights',
    () => leader.stderr,
  )
  const { url } = JSON.parse(leader.stdout) as { url: string }
  expect((await fetch(`${url}/leader`)).status).toBe(200)
  leader.kill('SIGTERM')
  expect(await leader.ended).toBe(0)
})

it('while the API server hangs it answers 503, lives and stays ready; afterwards it leads again', async () => {
  const all = await deployed('outage', '--preset', 'fast')
  const leader = inPod(all, 'outage-1', [...serve('outage'), '--livez-tolerance', '1s'])
  await elected(leader)
  const { url } = JSON.parse(leader.stdout) as { url: string }
  const status = async (path: string): Promise<number> => (await fetch(`${url}${path}`)).status
  const first = await fetch(`${url}/leader`).then((answer) => answer.json() as Promise<Answer>)
  server.api.signal('SIGSTOP')
  try {
    await eventually('the end of the leadership', async () => (await status('/leader')) === 503 || undefined)
    // As a kubelet would, for longer than the lease and what is tolerated beyond it.
    for (let probes = 0; probes < 50; probes++) {
      expect(await status('/livez')).toBe(200)
      expect(await status('/readyz')).toBe(200)
      expect(await status('/leader')).toBe(503)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  } finally {
    server.api.signal('SIGCONT')
  }
  await eventually('the next leadership', async () => (await status('/leader')) === 200 || undefined)
  const next = await fetch(`${url}/leader`).then((answer) => answer.json() as Promise<Answer>)
  expect(BigInt(next.candidate.token)).toBeGreaterThan(BigInt(first.candidate.token))
})

it("beside client-go's candidate it names that one while it leads, and leads when it has released", async () => {
  const { clientGoCandidate: program } = server
  if (program === undefined)
    throw new Error('this test needs the client-go candidate: `npm run servers kubernetes`')
  const all = await deployed('mixed', '--preset', 'fast')
  const lease = [
    '-kubeconfig',
    server.kubeconfig('admin'),
    '-ns',
    all.namespace,
    '-lease',
    'mixed',
    '-id',
    'go-1',
  ]
  const timing = ['-lease-duration', '2s', '-renew-deadline', '1500ms', '-retry-period', '300ms', '-release']
  const go = new ServerProcess('go-1', { program, args: [...lease, ...timing] })
  go.start()
  try {
    await eventually('go-1 leading', () => go.log().includes('go-1 leading') || undefined)
    const ours = inPod(all, 'mixed-1', [...serve('mixed'), '--compat', 'leader-elector'])
    await until(
      () => ours.stdout.includes('\n'),
      'the address',
      () => ours.stderr,
    )
    const { url } = JSON.parse(ours.stdout) as { url: string }
    const name = (): Promise<string> => fetch(`${url}/`).then((answer) => answer.text())
    await eventually('its name', async () => (await name()) === '{"name":"go-1"}' || undefined)
    expect((await fetch(`${url}/leader`)).status).toBe(503)
    await go.kill('SIGTERM')
    await eventually('our name', async () => (await name()) === '{"name":"mixed-1"}' || undefined)
  } finally {
    await go.kill()
  }
})

interface Answer {
  readonly candidate: { readonly token: string }
}
