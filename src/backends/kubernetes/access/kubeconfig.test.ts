import { mkdtempSync, rmSync, writeFileSync, chmodSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ClusterAccess } from './access.ts'
import { findAccess } from './find-access.ts'
import { inCluster } from './in-cluster.ts'
import { fromKubeconfig } from './kubeconfig.ts'

let folder: string
let now = 0
beforeEach(() => {
  now = 0
  folder = mkdtempSync(join(tmpdir(), 'mandate-kubeconfig-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const file = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const clocks = { nowMs: () => now, wallMs: () => now }
const read = (paths: string, context?: string) =>
  fromKubeconfig({ env: { KUBECONFIG: paths }, ...clocks, context })
const shown = (access: ClusterAccess | undefined, renew = false) =>
  access?.credentials({ renew, signal: new AbortController().signal })

const config = (user: string): string => `
current-context: here
contexts:
  - { name: here, context: { cluster: home, user: me, namespace: team } }
  - { name: there, context: { cluster: away, user: me } }
clusters:
  - { name: home, cluster: { server: 'https://10.0.0.1:6443/', certificate-authority-data: ${btoa('PEM')} } }
  - { name: away, cluster: { server: 'https://away', insecure-skip-tls-verify: true, tls-server-name: inner } }
users:
  - { name: me, user: ${user} }
`

describe('a kubeconfig', () => {
  it('names server, namespace, authorities and token', async () => {
    const access = await read(file('config', config('{ token: secret }')))
    expect(access).toMatchObject({
      server: 'https://10.0.0.1:6443',
      namespace: 'team',
      skipVerification: false,
    })
    expect(access?.authorities()).toBe('PEM')
    expect(await shown(access)).toMatchObject({ authorization: 'Bearer secret' })
  })

  it('can be asked for another context', async () => {
    const access = await read(file('config', config('{}')), 'there')
    expect(access).toMatchObject({
      server: 'https://away',
      namespace: 'default',
      skipVerification: true,
      serverName: 'inner',
    })
  })

  it('is merged from a list, where the first that says something wins and absent files are left out', async () => {
    const first = file('first', 'current-context: there\nusers: [{ name: me, user: { token: first } }]')
    const second = file('second', config('{ token: second }'))
    const access = await read([join(folder, 'absent'), first, second].join(delimiter))
    expect(access?.server).toBe('https://away')
    expect(await shown(access)).toMatchObject({ authorization: 'Bearer first' })
  })

  it('takes certificate and key from files beside it', async () => {
    file('me.crt', 'CRT')
    file('me.key', 'KEY')
    const access = await read(file('config', config('{ client-certificate: me.crt, client-key: me.key }')))
    expect(await shown(access)).toMatchObject({ certificate: 'CRT', key: 'KEY', authorization: undefined })
  })

  it('takes a name and a password', async () => {
    const access = await read(file('config', config('{ username: me, password: word }')))
    expect(await shown(access)).toMatchObject({ authorization: `Basic ${btoa('me:word')}` })
  })

  it('reads a token file again when it is old, and at once when the token was refused', async () => {
    const token = file('token', 'one\n')
    const access = await read(file('config', config('{ tokenFile: token }')))
    expect(await shown(access)).toMatchObject({ authorization: 'Bearer one' })
    writeFileSync(token, 'two\n')
    expect(await shown(access)).toMatchObject({ authorization: 'Bearer one' })
    expect(await shown(access, true)).toMatchObject({ authorization: 'Bearer two' })
    writeFileSync(token, 'three\n')
    now += 10_000
    expect(await shown(access)).toMatchObject({ authorization: 'Bearer three' })
  })

  it('runs its exec program, keeps what it printed until it expires, and tells it what it is for', async () => {
    const program = file(
      'plugin.sh',
      '#!/bin/sh\nn=$(cat count 2>/dev/null || echo 0); n=$((n+1)); echo $n > count\n' +
        'echo "$KUBERNETES_EXEC_INFO" | grep -q ExecCredential || exit 3\n' +
        'echo "{\\"status\\":{\\"token\\":\\"$WHO-$1-$n\\",\\"expirationTimestamp\\":\\"1970-01-01T00:10:00Z\\"}}"\n',
    )
    chmodSync(program, 0o755)
    const user = `{ exec: { apiVersion: client.authentication.k8s.io/v1, command: sh, args: [-c, 'cd ${folder} && ./plugin.sh x'], env: [{ name: WHO, value: me }] } }`
    const access = await read(file('config', config(user)))
    expect(await shown(access)).toMatchObject({ authorization: 'Bearer me-x-1' })
    now = 500_000
    expect(await shown(access)).toMatchObject({ authorization: 'Bearer me-x-1' })
    expect(await shown(access, true)).toMatchObject({ authorization: 'Bearer me-x-2' })
    now = 590_000
    expect(await shown(access)).toMatchObject({ authorization: 'Bearer me-x-3' })
  })

  it('whose exec program is not there says how to get it', async () => {
    const access = await read(
      file('config', config('{ exec: { command: no-such-plugin, installHint: "Install it." } }')),
    )
    await expect(shown(access)).rejects.toThrow(/no-such-plugin.*is not there\. Install it\./)
  })

  it.each([
    ['of no context', 'contexts: []', /no current-context/],
    ['of an unknown context', 'current-context: lost', /no context 'lost' \(contexts: none\)/],
    ['that is no YAML', 'a: [', /cannot be read/],
    [
      'without a server',
      'current-context: a\ncontexts: [{name: a, context: {cluster: c}}]\nclusters: [{name: c, cluster: {}}]',
      /no server/,
    ],
  ])('%s is refused with what is wrong in it', async (_, text, message) => {
    await expect(read(file('config', text))).rejects.toThrow(message)
  })

  it.each([
    ['cluster', 'proxy-url: "http://proxy"', /'proxy-url': give a way/],
    ['user', 'auth-provider: { name: gcp }', /'auth-provider'.*exec program/],
    ['user', 'as: admin', /'as': use credentials/],
  ])(
    'whose %s has %s is refused, because without it we would be somewhere or somebody else',
    async (of, entry, message) => {
      const [clusterEntry, userEntry] = of === 'cluster' ? [`, ${entry}`, ''] : ['', `, ${entry}`]
      const text = `
current-context: a
contexts: [{ name: a, context: { cluster: c, user: u } }]
clusters: [{ name: c, cluster: { server: 'https://x'${clusterEntry} } }]
users: [{ name: u, user: { token: t${userEntry} } }]`
      await expect(read(file('config', text))).rejects.toThrow(message)
    },
  )

  it('that is not there is no access', async () => {
    expect(await read(join(folder, 'absent'))).toBeUndefined()
    await expect(
      findAccess({ env: { KUBECONFIG: join(folder, 'absent') }, ...clocks }),
    ).rejects.toMatchObject({
      code: 'INVALID_OPTIONS',
    })
  })
})

describe('in a pod', () => {
  const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }

  it('the service account says everything, and IPv6 stands in brackets', async () => {
    file('token', 'pod-token\n')
    file('ca.crt', 'CA')
    file('namespace', 'jobs\n')
    const access = inCluster({ env, folder, nowMs: clocks.nowMs })
    expect(access).toMatchObject({ server: 'https://[fd00::1]:443', namespace: 'jobs' })
    expect(access?.authorities()).toBe('CA')
    expect(await shown(access)).toEqual({ authorization: 'Bearer pod-token' })
  })

  it('a rotated token and rotated authorities are used', async () => {
    const token = file('token', 'old')
    const ca = file('ca.crt', 'old CA')
    const access = inCluster({ env, folder, nowMs: clocks.nowMs })
    expect(access?.authorities()).toBe('old CA')
    writeFileSync(token, 'new')
    writeFileSync(ca, 'new CA')
    expect(await shown(access, true)).toEqual({ authorization: 'Bearer new' })
    now += 10_000
    expect(access?.authorities()).toBe('new CA')
  })

  it('without a service account, and outside, is no access', () => {
    expect(inCluster({ env, folder, nowMs: clocks.nowMs })).toBeUndefined()
    file('token', 'x')
    expect(inCluster({ env: {}, folder, nowMs: clocks.nowMs })).toBeUndefined()
  })
})
