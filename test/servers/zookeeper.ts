/** Real ZooKeeper servers on loopback: one, or an ensemble of three, each on ports and in a folder of its own. */
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { classPath } from '../../scripts/servers/zookeeper.mjs'
import { Ensemble, ServerMember, sitesFor } from './ensemble.ts'
import { FaultProxy } from './proxy.ts'
import { programOf, requiredServer } from './required-server.ts'
import { ServerProcess } from './server-process.ts'

export interface ZooKeeperServersOptions {
  /** @default 1 */
  readonly members?: 1 | 3
  /** The shortest session is two ticks. @default 200 */
  readonly tickMs?: number
  /** How many ticks a server waits for the leader before it leaves it. @default 10 */
  readonly syncLimit?: number
  /** @default 1_000_000: the suite asks for sessions that outlast it. */
  readonly maxSessionMs?: number
  /** Between the members are proxies, so that `cutOff` works. @default false */
  readonly divisible?: boolean
  /** More lines of zoo.cfg; `{port}` is replaced by another free port. */
  readonly config?: Readonly<Record<string, string>>
  /** More system properties of the JVM. */
  readonly properties?: Readonly<Record<string, string>>
}

export class ZooKeeperServers extends Ensemble<ZooKeeperMember> {
  readonly #bridges: readonly Bridge[]
  readonly #cut: Set<FaultProxy>

  private constructor(
    members: readonly ZooKeeperMember[],
    folder: string,
    bridges: readonly Bridge[],
    cut: Set<FaultProxy>,
  ) {
    super(members, folder)
    this.#bridges = bridges
    this.#cut = cut
  }

  /** Resolves when it serves. `close` it in any case. */
  static async start(options: ZooKeeperServersOptions = {}): Promise<ZooKeeperServers> {
    const server = requiredServer('zookeeper')
    const count = options.members ?? 1
    const { folder, sites } = await sitesFor('zookeeper', { count, portsEach: 4 })
    const followed = sites.map(({ ports }) => ports[1]!)
    const cut = new Set<FaultProxy>()
    const bridges = options.divisible === true ? await bridgesBetween(followed, cut) : []
    /** The ensemble as one of its members reaches it. */
    const linesOf = (from: number): string[] =>
      sites.map(({ ports }, to) => {
        const bridge = bridges.find((each) => each.from === from && each.to === to)
        const [, peer, election] = ports
        return `server.${to + 1}=127.0.0.1:${bridge?.proxy.port ?? peer}:${election}`
      })
    const members = sites.map(({ name, home, ports }, index) => {
      const [port = 0, , , spare = 0] = ports
      writeFileSync(join(home, 'myid'), `${index + 1}\n`)
      const config = {
        tickTime: String(options.tickMs ?? 200),
        initLimit: '50',
        syncLimit: String(options.syncLimit ?? 10),
        dataDir: home,
        clientPort: String(port),
        clientPortAddress: '127.0.0.1',
        maxClientCnxns: '0',
        maxSessionTimeout: String(options.maxSessionMs ?? 1_000_000),
        'admin.enableServer': 'false',
        // An ensemble of the tests outlives no power failure.
        forceSync: 'no',
        ...options.config,
      }
      const text = Object.entries(config).map(
        ([key, value]) => `${key}=${value.replace('{port}', String(spare))}`,
      )
      const file = join(home, 'zoo.cfg')
      writeFileSync(file, `${[...text, ...(count > 1 ? linesOf(index) : [])].join('\n')}\n`)
      const properties = Object.entries(options.properties ?? {}).map(([key, value]) => `-D${key}=${value}`)
      const args = [
        ...['-Xmx192m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dzookeeper.forceSync=no'],
        ...properties,
        ...['-cp', classPath(programOf(server, 'jars'), 'server')],
        ...['org.apache.zookeeper.server.quorum.QuorumPeerMain', file],
      ]
      const process = new ServerProcess(name, { program: programOf(server, 'java'), args, cwd: home })
      return new ZooKeeperMember(name, port, spare, process)
    })
    return new ZooKeeperServers(members, folder, bridges, cut).begin()
  }

  async follower(): Promise<ZooKeeperMember> {
    const leader = await this.leader()
    const other = this.members.find((member) => member !== leader)
    if (other === undefined) throw new Error('a single server has no follower')
    return other
  }

  /** Nothing that a leader and its followers say passes between this member and the others; votes and clients do. */
  cutOff(member: ZooKeeperMember): void {
    const index = this.members.indexOf(member)
    for (const { from, to, proxy } of this.#bridges)
      if (from === index || to === index) {
        this.#cut.add(proxy)
        proxy.blackHole()
      }
  }

  override async close(): Promise<void> {
    await super.close()
    await Promise.all(this.#bridges.map(({ proxy }) => proxy.close()))
  }
}

/** How one member follows another. */
interface Bridge {
  readonly from: number
  readonly to: number
  readonly proxy: FaultProxy
}

/** `ports`: where each member is followed, if it leads. */
function bridgesBetween(ports: readonly number[], cut: ReadonlySet<FaultProxy>): Promise<Bridge[]> {
  const pairs = ports.flatMap((_, from) => ports.map((port, to) => ({ from, to, port })))
  return Promise.all(
    pairs
      .filter(({ from, to }) => from !== to)
      .map(async ({ from, to, port }) => ({ from, to, proxy: await bridgeTo(port, cut) })),
  )
}

/**
 * Refuses until somebody listens there, as without it: only a leader does, and a follower that is let in and hung up on
 * begins the election anew, with pauses that grow.
 */
async function bridgeTo(port: number, cut: ReadonlySet<FaultProxy>): Promise<FaultProxy> {
  const proxy = await FaultProxy.to(port)
  await proxy.refuse()
  const look = (): void => {
    if (cut.has(proxy)) return
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.destroy()
      if (!cut.has(proxy)) void proxy.heal()
    })
    socket.on('error', () => setTimeout(look, 50).unref())
  }
  look()
  return proxy
}

export class ZooKeeperMember extends ServerMember {
  /** Free, for what `config` asks for. */
  readonly sparePort: number

  constructor(name: string, port: number, sparePort: number, process: ServerProcess) {
    super(name, port, process)
    this.sparePort = sparePort
  }

  async serving(): Promise<void> {
    await this.process.until('serving', async () => (await this.mode()) !== undefined)
  }

  async leads(): Promise<boolean> {
    const mode = await this.mode()
    return mode === 'leader' || mode === 'standalone'
  }

  /** `standalone`, `leader` or `follower`; undefined while it serves nobody. */
  async mode(): Promise<string | undefined> {
    return /^Mode: (\w+)$/m.exec(await this.#ask('srvr').catch(() => ''))?.[1]
  }

  /** How many requests it has received, by its own count. */
  async received(): Promise<number> {
    return Number(/^Received: (\d+)$/m.exec(await this.#ask('srvr'))?.[1])
  }

  /** One of the server's own commands of four letters, so that no client of ours stands between. */
  #ask(command: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port: this.port, host: '127.0.0.1' }, () => socket.write(command))
      let answer = ''
      socket.setTimeout(1000, () => socket.destroy(new Error('no answer')))
      socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
      socket.on('error', reject)
      socket.on('close', () => resolve(answer))
    })
  }
}
