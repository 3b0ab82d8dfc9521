/** Real etcd servers on loopback: one, or an ensemble of three, each on ports and in a folder of its own. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Ensemble, ServerMember, sitesFor } from './ensemble.ts'
import { programOf, requiredServer } from './required-server.ts'
import { ServerProcess } from './server-process.ts'

export interface EtcdOptions {
  /** @default 1 */
  readonly members?: 1 | 3
  /** Between servers. The shortest lease is 1.5 election timeouts, in whole seconds, upwards. @default 50 */
  readonly heartbeatMs?: number
  /** @default 500 */
  readonly electionMs?: number
  /** More flags, without dashes: `{ 'client-cert-auth': 'true' }`. */
  readonly flags?: Readonly<Record<string, string>>
  /** `memory`: where it exists, so that nobody waits for a disk. What is written still outlives the process. @default disk */
  readonly folder?: 'disk' | 'memory'
  /** `https`: it is not waited for, because only the test has its certificates. @default http */
  readonly scheme?: 'http' | 'https'
}

const exec = promisify(execFile)

export class EtcdEnsemble extends Ensemble<EtcdMember> {
  readonly #etcdctl: string
  readonly #scheme: string

  private constructor(members: readonly EtcdMember[], folder: string, etcdctl: string, scheme: string) {
    super(members, folder)
    this.#etcdctl = etcdctl
    this.#scheme = scheme
  }

  /** Resolves when it serves. `close` it in any case. */
  static async start(options: EtcdOptions = {}): Promise<EtcdEnsemble> {
    const server = requiredServer('etcd')
    const count = options.members ?? 1
    const scheme = options.scheme ?? 'http'
    const parent = options.folder === 'memory' && existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
    const { folder, sites } = await sitesFor('etcd', { count, portsEach: 2, parent })
    const peerUrl = (ports: readonly number[]): string => `http://127.0.0.1:${ports[1]}`
    const cluster = sites.map(({ name, ports }) => `${name}=${peerUrl(ports)}`).join(',')
    const members = sites.map(({ name, home, ports }) => {
      const client = ports[0]!
      const flags = {
        name,
        'data-dir': join(home, 'data'),
        'listen-client-urls': `${scheme}://127.0.0.1:${client}`,
        'advertise-client-urls': `${scheme}://127.0.0.1:${client}`,
        'listen-peer-urls': peerUrl(ports),
        'initial-advertise-peer-urls': peerUrl(ports),
        'initial-cluster': cluster,
        'heartbeat-interval': String(options.heartbeatMs ?? 50),
        'election-timeout': String(options.electionMs ?? 500),
        logger: 'zap',
        'log-level': 'warn',
        ...options.flags,
      }
      const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
      const process = new ServerProcess(name, { program: programOf(server, 'etcd'), args })
      return new EtcdMember(name, client, process, scheme)
    })
    return new EtcdEnsemble(members, folder, programOf(server, 'etcdctl'), scheme).begin()
  }

  /** The program, and what it needs to find these servers. */
  etcdctlCommand(...args: readonly string[]): { readonly program: string; readonly args: string[] } {
    const endpoints = this.addresses.map((address) => `${this.#scheme}://${address}`).join(',')
    return { program: this.#etcdctl, args: ['--endpoints', endpoints, ...args] }
  }

  /** Runs `etcdctl` to its end; gives what it printed. */
  async etcdctl(...args: readonly string[]): Promise<string> {
    const command = this.etcdctlCommand(...args)
    const { stdout } = await exec(command.program, command.args, {
      env: { ...process.env, ETCDCTL_API: '3' },
      timeout: 30_000,
    })
    return stdout.trimEnd()
  }
}

interface Status {
  readonly header: { readonly cluster_id: string; readonly member_id: string; readonly revision: string }
  readonly leader: string
}

export class EtcdMember extends ServerMember {
  readonly #scheme: string

  constructor(name: string, port: number, process: ServerProcess, scheme: string) {
    super(name, port, process)
    this.#scheme = scheme
  }

  async serving(): Promise<void> {
    if (this.#scheme === 'https') return
    await this.process.until('healthy', async () => {
      const answer = await fetch(`http://${this.address}/health`, { signal: AbortSignal.timeout(1000) })
      return ((await answer.json()) as { health?: string }).health === 'true'
    })
  }

  async leads(): Promise<boolean> {
    const { leader, header } = await this.status()
    return leader !== '0' && leader === header.member_id
  }

  /** By the server's own JSON gateway, so that no client of ours stands between. */
  async status(): Promise<Status> {
    const answer = await fetch(`http://${this.address}/v3/maintenance/status`, {
      method: 'POST',
      body: '{}',
      signal: AbortSignal.timeout(1000),
    })
    return (await answer.json()) as Status
  }
}
