/** Real Consul servers on loopback: one, or an ensemble of three, each on ports and in a folder of its own. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePorts } from '../../src/cli/demo/ports.ts'
import { programOf, requiredServer } from './required-server.ts'
import { ServerProcess } from './server-process.ts'

export interface ConsulServersOptions {
  /** @default 1 */
  readonly members?: 1 | 3
  /** More configuration of every server. */
  readonly config?: Readonly<Record<string, unknown>>
  /** ACLs are on, everything that no token allows is denied, and this is the token that may do all. */
  readonly masterToken?: string
}

const exec = promisify(execFile)

export class ConsulServers {
  readonly members: readonly ConsulMember[]
  readonly program: string
  readonly #folder: string
  readonly #masterToken: string | undefined

  private constructor(
    members: readonly ConsulMember[],
    program: string,
    folder: string,
    masterToken: string | undefined,
  ) {
    this.members = members
    this.program = program
    this.#folder = folder
    this.#masterToken = masterToken
  }

  /** Resolves when it has a leader. `close` it in any case. */
  static async start(options: ConsulServersOptions = {}): Promise<ConsulServers> {
    const program = programOf(requiredServer('consul'), 'consul')
    const count = options.members ?? 1
    const folder = mkdtempSync(join(tmpdir(), 'mandate-consul-'))
    const ports = await freePorts(3 * count)
    const addresses = Array.from({ length: count }, (_, index) => ({
      name: `s${index + 1}`,
      http: ports[3 * index]!,
      serf: ports[3 * index + 1]!,
      server: ports[3 * index + 2]!,
    }))
    const members = addresses.map((address) => {
      const home = join(folder, address.name)
      mkdirSync(home)
      const file = join(home, 'agent.json')
      writeFileSync(file, JSON.stringify(configOf(address, addresses, home, options)))
      const process = new ServerProcess(address.name, { program, args: ['agent', '-config-file', file] })
      return new ConsulMember(address.name, address.http, process, options.masterToken)
    })
    const servers = new ConsulServers(members, program, folder, options.masterToken)
    try {
      for (const { process } of members) process.start()
      await Promise.all(members.map((member) => member.healthy()))
      return servers
    } catch (error) {
      await servers.close()
      throw error
    }
  }

  get first(): ConsulMember {
    return this.members[0]!
  }

  /** The program, its arguments and what it needs to find the first of these servers. */
  command(...args: readonly string[]) {
    return { program: this.program, args, env: this.#env() }
  }

  /** Runs the program's own client to its end; gives what it printed. */
  async cli(...args: readonly string[]): Promise<string> {
    const { stdout } = await exec(this.program, args, {
      env: { ...process.env, ...this.#env() },
      timeout: 30_000,
    })
    return stdout.trimEnd()
  }

  #env(): Record<string, string> {
    return {
      CONSUL_HTTP_ADDR: `http://${this.first.address}`,
      ...(this.#masterToken === undefined ? {} : { CONSUL_HTTP_TOKEN: this.#masterToken }),
    }
  }

  /** The member that leads Raft. */
  async leader(): Promise<ConsulMember> {
    for (let tries = 0; tries < 500; tries++) {
      for (const member of this.members) {
        const self = await member.get('/v1/agent/self').catch(() => undefined)
        const consul = (self as { Stats?: { consul?: { leader?: string } } } | undefined)?.Stats?.consul
        if (consul?.leader === 'true') return member
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error('no member leads')
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map(({ process: each }) => each.kill('SIGKILL')))
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

interface Address {
  readonly name: string
  readonly http: number
  readonly serf: number
  readonly server: number
}

function configOf(
  { name, http, serf, server }: Address,
  all: readonly Address[],
  home: string,
  { config, masterToken }: ConsulServersOptions,
) {
  return {
    node_name: name,
    data_dir: join(home, 'data'),
    server: true,
    bootstrap_expect: all.length,
    bind_addr: '127.0.0.1',
    client_addr: '127.0.0.1',
    ports: { http, serf_lan: serf, server, serf_wan: -1, dns: -1, grpc: -1 },
    retry_join: all.map((each) => `127.0.0.1:${each.serf}`),
    retry_interval: '200ms',
    // The shortest Raft timeouts that it offers: 1 s heartbeat and election.
    performance: { raft_multiplier: 1 },
    // All candidates of a test run have one address.
    limits: { http_max_conns_per_client: 5000 },
    log_level: 'warn',
    disable_update_check: true,
    leave_on_terminate: false,
    ...(masterToken === undefined
      ? {}
      : {
          acl: { enabled: true, default_policy: 'deny', tokens: { master: masterToken, agent: masterToken } },
        }),
    ...config,
  }
}

export class ConsulMember {
  readonly name: string
  readonly port: number
  readonly process: ServerProcess
  readonly #token: string | undefined

  constructor(name: string, port: number, process: ServerProcess, token: string | undefined) {
    this.name = name
    this.port = port
    this.process = process
    this.#token = token
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

  /** Has a leader, and can write: until then sessions cannot be made. */
  async healthy(): Promise<void> {
    await this.process.until('healthy', async () => {
      await this.put('/v1/kv/mandate-test/healthy', 'yes')
      // Sessions need the agent's own entry in the catalogue, which comes some time after the leader.
      const entry = (await this.get(`/v1/catalog/node/${this.name}`)) as object | null
      return entry !== null
    })
  }

  /** By Consul's own HTTP, so that no client of ours stands between. */
  get(path: string): Promise<unknown> {
    return this.#ask('GET', path)
  }

  put(path: string, body = ''): Promise<unknown> {
    return this.#ask('PUT', path, body)
  }

  delete(path: string): Promise<unknown> {
    return this.#ask('DELETE', path)
  }

  async #ask(method: string, path: string, body?: string): Promise<unknown> {
    const answer = await fetch(`http://${this.address}${path}`, {
      method,
      ...(body === undefined ? {} : { body }),
      headers: this.#token === undefined ? {} : { 'X-Consul-Token': this.#token },
      signal: AbortSignal.timeout(5000),
    })
    const text = await answer.text()
    if (!answer.ok && answer.status !== 404) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return text === '' || answer.status === 404 ? null : (JSON.parse(text) as unknown)
  }
}
