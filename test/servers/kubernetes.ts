/** A real API server on loopback with an etcd of its own: authentication by token, RBAC on. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../../src/cli/demo/ports.ts'
import { programOf, requiredServer } from './required-server.ts'
import { ServerProcess } from './server-process.ts'

/** One who may do anything, and others by name who may do what a test grants them. */
export type User = 'admin' | 'worker' | 'stranger'

const groupOf: Readonly<Record<User, string>> = {
  admin: 'system:masters',
  worker: 'workers',
  stranger: 'strangers',
}

export class KubernetesServer {
  readonly folder: string
  readonly port: number
  readonly api: ServerProcess
  readonly etcd: ServerProcess
  /** Absent where KUBEBUILDER_ASSETS named the programs. */
  readonly clientGoCandidate: string | undefined

  private constructor(
    folder: string,
    port: number,
    api: ServerProcess,
    etcd: ServerProcess,
    candidate?: string,
  ) {
    this.folder = folder
    this.port = port
    this.api = api
    this.etcd = etcd
    this.clientGoCandidate = candidate
  }

  /** Resolves when it serves. `close` it in any case. */
  static async start(): Promise<KubernetesServer> {
    const found = requiredServer('kubernetes')
    const folder = mkdtempSync(join(tmpdir(), 'mandate-kubernetes-'))
    const [port = 0, client = 0, peer = 0] = await freePorts(3)
    const key = join(folder, 'sa.key')
    const publicKey = join(folder, 'sa.pub')
    execFileSync('openssl', ['genrsa', '-out', key, '2048'], { stdio: 'ignore' })
    execFileSync('openssl', ['rsa', '-in', key, '-pubout', '-out', publicKey], { stdio: 'ignore' })
    const tokens = Object.entries(groupOf).map(([user, group]) => `${user}-token,${user},${user},${group}`)
    writeFileSync(join(folder, 'tokens.csv'), `${tokens.join('\n')}\n`)
    const etcdUrl = `http://127.0.0.1:${client}`
    const etcd = new ServerProcess('etcd', {
      program: programOf(found, 'etcd'),
      args: [
        `--data-dir=${join(folder, 'etcd')}`,
        `--listen-client-urls=${etcdUrl}`,
        `--advertise-client-urls=${etcdUrl}`,
        `--listen-peer-urls=http://127.0.0.1:${peer}`,
        `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
        `--initial-cluster=default=http://127.0.0.1:${peer}`,
        '--log-level=warn',
      ],
      // No test takes the machine's power away, and the disk is shared with all other tests.
      env: { ETCD_UNSAFE_NO_FSYNC: 'true' },
    })
    const api = new ServerProcess('kube-apiserver', {
      program: programOf(found, 'kube-apiserver'),
      args: [
        `--etcd-servers=${etcdUrl}`,
        `--cert-dir=${join(folder, 'certs')}`,
        `--secure-port=${port}`,
        '--bind-address=127.0.0.1',
        '--service-account-issuer=https://kubernetes.default.svc',
        `--service-account-key-file=${publicKey}`,
        `--service-account-signing-key-file=${key}`,
        `--token-auth-file=${join(folder, 'tokens.csv')}`,
        '--authorization-mode=RBAC',
        '--service-cluster-ip-range=10.0.0.0/24',
        '--disable-admission-plugins=ServiceAccount',
      ],
    })
    const server = new KubernetesServer(folder, port, api, etcd, found.programs['client-go-candidate'])
    try {
      etcd.start()
      api.start()
      await server.ready()
      return server
    } catch (error) {
      await server.close()
      throw error
    }
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`
  }

  /** PEM of what signed the server's certificate: itself. */
  get authorities(): string {
    return readFileSync(join(this.folder, 'certs/apiserver.crt'), 'utf8')
  }

  tokenOf(user: User): string {
    return `${user}-token`
  }

  /** Writes a kubeconfig for this user; gives its path. `server`: another way there, such as a proxy. */
  kubeconfig(user: User, server = this.url, namespace = 'default'): string {
    const path = join(this.folder, `kubeconfig-${user}-${namespace}-${server.replaceAll(/[^0-9]/g, '-')}`)
    const ca = Buffer.from(this.authorities).toString('base64')
    writeFileSync(
      path,
      [
        'apiVersion: v1',
        'kind: Config',
        'current-context: test',
        `contexts: [{ name: test, context: { cluster: test, user: ${user}, namespace: ${namespace} } }]`,
        `clusters: [{ name: test, cluster: { server: '${server}', certificate-authority-data: ${ca} } }]`,
        `users: [{ name: ${user}, user: { token: ${this.tokenOf(user)} } }]`,
        '',
      ].join('\n'),
    )
    return path
  }

  /** Makes it; gives its name. */
  async namespace(name: string): Promise<string> {
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
    const made = await this.call('POST', '/api/v1/namespaces', body)
    if (made.status !== 201) throw new Error(`namespace: ${JSON.stringify(made.body)}`)
    return name
  }

  leasePath(lease: string, namespace = 'default'): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${lease}`
  }

  async ready(): Promise<void> {
    await this.api.until('ready', async () => {
      if ((await this.call('GET', '/readyz')).status !== 200) return false
      return (await this.call('GET', '/api/v1/namespaces/default')).status === 200
    })
  }

  /** By no client of ours. */
  call(
    method: string,
    path: string,
    body?: unknown,
    token = this.tokenOf('admin'),
  ): Promise<{ readonly status: number; readonly body: unknown }> {
    return new Promise((resolve, reject) => {
      const request = httpsRequest(
        {
          host: '127.0.0.1',
          port: this.port,
          method,
          path,
          rejectUnauthorized: false,
          agent: false,
          timeout: 10_000,
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        },
        (answer) => {
          let text = ''
          answer.setEncoding('utf8')
          answer.on('data', (chunk: string) => (text += chunk))
          answer.on('end', () => {
            resolve({ status: answer.statusCode ?? 0, body: text.startsWith('{') ? JSON.parse(text) : text })
          })
        },
      )
      request.on('error', reject)
      request.on('timeout', () => request.destroy(new Error('no answer in 10 s')))
      request.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }

  /** Ends both servers, however they were left, and removes what they wrote. */
  async close(): Promise<void> {
    await Promise.all([this.api.kill(), this.etcd.kill()])
    rmSync(this.folder, { recursive: true, force: true })
  }
}
