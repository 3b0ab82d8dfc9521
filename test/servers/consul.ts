/** Real Consul servers on loopback: one, or an ensemble of three, each on ports and in a folder of its own. */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Ensemble, ServerMember, sitesFor } from './ensemble.ts'
import type { Site } from './ensemble.ts'
import { programOf, requiredServer } from './required-server.ts'
import { ServerProcess } from './server-process.ts'

export interface ConsulServersOptions {
  /** @default 1 */
  readonly members?: 1 | 3
  /** More configuration of all. */
  readonly config?: Readonly<Record<string, unknown>>
  /** The same, of a port that speaks TLS beside the plain one: `ca_file`, `cert_file`, `key_file`, … */
  readonly tls?: Readonly<Record<string, unknown>>
  /** ACLs are on, everything that no token allows is denied, and this is the token that may do all. */
  readonly masterToken?: string
  /** An agent that is no server beside them, as every machine has one in production. @default false */
  readonly agent?: boolean
}

const exec = promisify(execFile)

export class ConsulServers extends Ensemble<ConsulMember> {
  readonly program: string
  readonly #masterToken: string | undefined

  private constructor(
    members: readonly ConsulMember[],
    program: string,
    folder: string,
    masterToken: string | undefined,
  ) {
    super(members, folder)
    this.program = program
    this.#masterToken = masterToken
  }

  /** Resolves when it has a leader. `close` it in any case. */
  static async start(options: ConsulServersOptions = {}): Promise<ConsulServers> {
    const program = programOf(requiredServer('consul'), 'consul')
    const count = options.members ?? 1
    const { folder, sites } = await sitesFor('consul', {
      count: options.agent === true ? count + 1 : count,
      portsEach: 4,
    })
    const members = sites.map((site, index) => {
      const file = join(site.home, 'agent.json')
      const servers = sites.slice(0, count)
      writeFileSync(file, JSON.stringify(configOf(site, servers, options, index < count)))
      const process = new ServerProcess(site.name, { program, args: ['agent', '-config-file', file] })
      return new ConsulMember(site, process, options.masterToken)
    })
    return new ConsulServers(members, program, folder, options.masterToken).begin()
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
}

function configOf(
  { name, home, ports: [http, serf, server, https] }: Site,
  servers: readonly Site[],
  { config, tls, masterToken }: ConsulServersOptions,
  isServer: boolean,
) {
  return {
    node_name: name,
    data_dir: join(home, 'data'),
    server: isServer,
    ...(isServer ? { bootstrap_expect: servers.length } : {}),
    bind_addr: '127.0.0.1',
    client_addr: '127.0.0.1',
    ports: {
      ...{ http, serf_lan: serf, server, serf_wan: -1, dns: -1, grpc: -1 },
      ...(tls === undefined ? {} : { https }),
    },
    retry_join: servers.map(({ ports }) => `127.0.0.1:${ports[1]}`),
    retry_interval: '200ms',
    // The shortest Raft timeouts that it offers: 1 s heartbeat and election.
    performance: { raft_multiplier: 1 },
    // All candidates of a test run have one address.
    limits: { http_max_conns_per_client: 5000 },
    log_level: 'warn',
    disable_update_check: true,
    // As by default: a server that ends comes back, an agent that ends leaves.
    leave_on_terminate: !isServer,
    ...(masterToken === undefined
      ? {}
      : {
          acl: { enabled: true, default_policy: 'deny', tokens: { master: masterToken, agent: masterToken } },
        }),
    ...tls,
    ...config,
  }
}

export class ConsulMember extends ServerMember {
  /** Where it speaks TLS, if `tls` says how. */
  readonly httpsPort: number
  readonly #token: string | undefined

  constructor({ name, ports }: Site, process: ServerProcess, token: string | undefined) {
    super(name, ports[0]!, process)
    this.httpsPort = ports[3]!
    this.#token = token
  }

  /** Has a leader, and can write: until then sessions cannot be made. */
  async serving(): Promise<void> {
    await this.process.until('healthy', async () => {
      await this.put('/v1/kv/mandate-test/healthy', 'yes')
      // Sessions need the agent's own entry in the catalogue, which comes some time after the leader.
      const entry = (await this.get(`/v1/catalog/node/${this.name}`)) as object | null
      return entry !== null
    })
  }

  async leads(): Promise<boolean> {
    const self = (await this.get('/v1/agent/self')) as { Stats?: { consul?: { leader?: string } } } | null
    return self?.Stats?.consul?.leader === 'true'
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
