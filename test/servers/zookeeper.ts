/** Real ZooKeeper servers on loopback: one, or an ensemble of three, each on ports and in a folder of its own. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { classPath } from '../../scripts/servers/zookeeper.mjs'
import { freePorts } from '../../src/cli/demo/ports.ts'
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

export class ZooKeeperServers {
  readonly members: readonly ZooKeeperMember[]
  readonly folder: string
  readonly #bridges: readonly Bridge[]
  readonly #cut: Set<FaultProxy>

  private constructor(
    members: readonly ZooKeeperMember[],
    folder: string,
    bridges: readonly Bridge[],
    cut: Set<FaultProxy>,
  ) {
    this.members = members
    this.folder = folder
    this.#bridges = bridges
    this.#cut = cut
  }

  /** Resolves when it serves. `close` it in any case. */
  static async start(options: ZooKeeperServersOptions = {}): Promise<ZooKeeperServers> {
    const server = requiredServer('zookeeper')
    const count = options.members ?? 1
    const folder = mkdtempSync(join(tmpdir(), 'mandate-zookeeper-'))
    const ports = await freePorts(4 * count)
    const cut = new Set<FaultProxy>()
    const bridges = options.divisible === true ? await bridgesBetween(count, ports, cut) : []
    /** The ensemble as one of its members reaches it. */
    const linesOf = (from: number): string[] =>
      Array.from({ length: count }, (_, to) => {
        const bridge = bridges.find((each) => each.from === from && each.to === to)
        const [peer, election] = [bridge?.proxy.port ?? ports[4 * to + 1], ports[4 * to + 2]]
        return `server.${to + 1}=127.0.0.1:${peer}:${election}`
      })
    const members = Array.from({ length: count }, (_, index) => {
      const home = join(folder, `s${index + 1}`)
      mkdirSync(home)
      const port = ports[4 * index]!
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
        ([key, value]) => `${key}=${value.replace('{port}', String(ports[4 * index + 3]))}`,
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
      const name = `s${index + 1}`
      const process = new ServerProcess(name, { program: programOf(server, 'java'), args, cwd: home })
      return new ZooKeeperMember(name, port, ports[4 * index + 3]!, process)
    })
    const servers = new ZooKeeperServers(members, folder, bridges, cut)
    try {
      for (const member of members) member.process.start()
      await servers.serving()
      return servers
    } catch (error) {
      await servers.close()
      throw error
    }
  }

  /** `127.0.0.1:port` of each member. */
  get addresses(): string[] {
    return this.members.map(({ address }) => address)
  }

  async serving(): Promise<void> {
    await Promise.all(this.members.map((member) => member.serving()))
  }

  /** The member that leads the ensemble, by its own account. */
  async leader(): Promise<ZooKeeperMember> {
    for (let tries = 0; tries < 500; tries++) {
      for (const member of this.members) {
        const mode = await member.mode()
        if (mode === 'leader' || mode === 'standalone') return member
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error('no ZooKeeper server leads')
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

  /** Ends every server, however it was left, and removes what they wrote. */
  async close(): Promise<void> {
    await Promise.all(this.members.map(({ process: each }) => each.kill('SIGKILL')))
    await Promise.all(this.#bridges.map(({ proxy }) => proxy.close()))
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** How one member follows another. */
interface Bridge {
  readonly from: number
  readonly to: number
  readonly proxy: FaultProxy
}

function bridgesBetween(
  count: number,
  ports: readonly number[],
  cut: ReadonlySet<FaultProxy>,
): Promise<Bridge[]> {
  const pairs = Array.from({ length: count * count }, (_, at) => ({
    from: Math.floor(at / count),
    to: at % count,
  }))
  return Promise.all(
    pairs
      .filter(({ from, to }) => from !== to)
      .map(async ({ from, to }) => ({ from, to, proxy: await bridgeTo(ports[4 * to + 1]!, cut) })),
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

export class ZooKeeperMember {
  readonly name: string
  readonly port: number
  /** Free, for what `config` asks for. */
  readonly sparePort: number
  readonly process: ServerProcess

  constructor(name: string, port: number, sparePort: number, process: ServerProcess) {
    this.name = name
    this.port = port
    this.sparePort = sparePort
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
    await this.serving()
  }

  async serving(): Promise<void> {
    await this.process.until('serving', async () => (await this.mode()) !== undefined)
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
