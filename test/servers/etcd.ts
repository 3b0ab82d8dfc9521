/** Real etcd servers on loopback: one, or an ensemble of three, each on ports and in a folder of its own. */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePorts } from '../../src/cli/demo/ports.ts'
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
  /** @default http */
  readonly scheme?: 'http' | 'https'
}

const exec = promisify(execFile)

export class EtcdEnsemble {
  readonly members: readonly EtcdMember[]
  readonly folder: string
  readonly #etcdctl: string
  readonly #scheme: string

  private constructor(members: readonly EtcdMember[], folder: string, etcdctl: string, scheme: string) {
    this.members = members
    this.folder = folder
    this.#etcdctl = etcdctl
    this.#scheme = scheme
  }

  /** Resolves when it serves. `close` it in any case. */
  static async start(options: EtcdOptions = {}): Promise<EtcdEnsemble> {
    const server = requiredServer('etcd')
    const count = options.members ?? 1
    const scheme = options.scheme ?? 'http'
    const parent = options.folder === 'memory' && existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
    const folder = mkdtempSync(join(parent, 'mandate-etcd-'))
    const ports = await freePorts(2 * count)
    const addresses = Array.from({ length: count }, (_, index) => ({
      name: `s${index + 1}`,
      client: ports[2 * index]!,
      peerUrl: `http://127.0.0.1:${ports[2 * index + 1]}`,
    }))
    const cluster = addresses.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',')
    const members = addresses.map(({ name, client, peerUrl }) => {
      const flags = {
        name,
        'data-dir': join(folder, name),
        'listen-client-urls': `${scheme}://127.0.0.1:${client}`,
        'advertise-client-urls': `${scheme}://127.0.0.1:${client}`,
        'listen-peer-urls': peerUrl,
        'initial-advertise-peer-urls': peerUrl,
        'initial-cluster': cluster,
        'heartbeat-interval': String(options.heartbeatMs ?? 50),
        'election-timeout': String(options.electionMs ?? 500),
        logger: 'zap',
        'log-level': 'warn',
        ...options.flags,
      }
      const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
      return new EtcdMember(
        name,
        client,
        new ServerProcess(name, { program: programOf(server, 'etcd'), args }),
      )
    })
    const ensemble = new EtcdEnsemble(members, folder, programOf(server, 'etcdctl'), scheme)
    try {
      for (const member of members) member.process.start()
      if (scheme === 'http') await Promise.all(members.map((member) => member.healthy()))
      return ensemble
    } catch (error) {
      await ensemble.close()
      throw error
    }
  }

  /** `127.0.0.1:port` of each member. */
  get endpoints(): string[] {
    return this.members.map(({ address }) => address)
  }

  /** The program, and what it needs to find these servers. */
  etcdctlCommand(...args: readonly string[]): { readonly program: string; readonly args: string[] } {
    const endpoints = this.endpoints.map((address) => `${this.#scheme}://${address}`).join(',')
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

  /** The member that leads Raft, by its own account. */
  async leader(): Promise<EtcdMember> {
    for (let tries = 0; tries < 500; tries++) {
      for (const member of this.members) {
        const status = await member.status().catch(() => undefined)
        if (status !== undefined && status.leader !== '0' && status.leader === status.header.member_id)
          return member
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error('no etcd server leads')
  }

  /** Ends every server, however it was left, and removes what they wrote. */
  async close(): Promise<void> {
    await Promise.all(this.members.map(({ process: each }) => each.kill('SIGKILL')))
    rmSync(this.folder, { recursive: true, force: true })
  }
}

interface Status {
  readonly header: { readonly cluster_id: string; readonly member_id: string; readonly revision: string }
  readonly leader: string
}

export class EtcdMember {
  readonly name: string
  readonly port: number
  readonly process: ServerProcess

  constructor(name: string, port: number, process: ServerProcess) {
    this.name = name
    this.port = port
    this.process = process
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Resolves when the process is gone. */
  kill(): Promise<void> {
    return this.process.kill('SIGKILL')
  }

  /** Neither answers nor closes anything until `cont`. */
  stop(): void {
    this.process.signal('SIGSTOP')
  }

  cont(): void {
    this.process.signal('SIGCONT')
  }

  /** With the folder it had; resolves when it serves again. */
  async restart(): Promise<void> {
    await this.process.kill('SIGKILL')
    this.process.start()
    await this.healthy()
  }

  async healthy(): Promise<void> {
    await this.process.until('healthy', async () => {
      const answer = await fetch(`http://${this.address}/health`, { signal: AbortSignal.timeout(1000) })
      return ((await answer.json()) as { health?: string }).health === 'true'
    })
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
