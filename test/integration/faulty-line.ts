/** A process's way to the cluster as a real network hurts it: a TCP proxy before every peer. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { FrameReader, maxSponsorBytes } from '../../src/cluster/tcp-frame.ts'
import { portOf, type Peers } from './loopback.ts'

interface Pipe {
  readonly near: Socket
  readonly far: Socket
  /** Sees where the answers begin and end, whatever pieces they come in. */
  readonly answers: FrameReader
  /** When the answer sent last is due: later ones must not overtake it. */
  dueMs: number
}

export class FaultyLine {
  readonly #servers: Server[] = []
  readonly #pipes = new Set<Pipe>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #peers: Peers = {}
  #isCut = false
  #isLosing = false
  #delayMs = 0
  /** What waits for the end of the cut, in order. */
  #waiting: (() => void)[] = []

  private constructor() {}

  static async to(peers: Peers): Promise<FaultyLine> {
    const line = new FaultyLine()
    const proxied = await Promise.all(
      Object.entries(peers).map(async ([id, address]) => [id, await line.#proxy(portOf(address))] as const),
    )
    line.#peers = Object.fromEntries(proxied)
    return line
  }

  /** The same peers, at the addresses of the proxies. */
  get peers(): Peers {
    return this.#peers
  }

  /** Nothing passes, in either direction, the ends of connections included; what was sent waits. */
  cut(): void {
    this.#isCut = true
  }

  heal(): void {
    this.#isCut = false
    const late = this.#waiting
    this.#waiting = []
    for (const pass of late) this.#pass(pass)
  }

  /** The next answer is lost, and its connection with it: TCP loses nothing else. */
  loseNextReply(): void {
    this.#isLosing = true
  }

  delayReplies(ms: number): void {
    this.#delayMs = ms
  }

  /** As the kernel does when it collects a killed process. Nothing of the process is heard afterwards. */
  async destroy(): Promise<void> {
    this.#waiting = []
    for (const timer of this.#timers) clearTimeout(timer)
    const closed = this.#servers.map((server) => new Promise((resolve) => server.close(resolve)))
    for (const pipe of this.#pipes) this.#break(pipe)
    await Promise.all(closed)
  }

  async #proxy(port: number): Promise<string> {
    const server = createServer((near) => {
      near.on('error', () => undefined)
      this.#pass(() => this.#open(near, port))
    })
    this.#servers.push(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  #open(near: Socket, port: number): void {
    const far = connect({ port, host: '127.0.0.1', noDelay: true })
    const pipe: Pipe = { near, far, answers: new FrameReader(maxSponsorBytes), dueMs: 0 }
    this.#pipes.add(pipe)
    near.setNoDelay(true)
    far.on('error', () => undefined)
    near.on('data', (chunk) => this.#pass(() => far.write(chunk)))
    far.on('data', (chunk) => this.#answer(pipe, chunk))
    for (const end of [near, far]) end.on('close', () => this.#pass(() => this.#break(pipe)))
  }

  #answer(pipe: Pipe, chunk: Buffer): void {
    let lost = false
    pipe.answers.push(chunk, ({ type, payload }) => {
      lost ||=
        this.#isLosing &&
        type === 'message' &&
        /^\{"type":"(results|opened)"/.test(String(Buffer.from(payload)))
      return true
    })
    if (lost) {
      this.#isLosing = false
      this.#break(pipe)
      return
    }
    pipe.dueMs = Math.max(pipe.dueMs, performance.now() + this.#delayMs)
    const waitMs = pipe.dueMs - performance.now()
    if (waitMs <= 0) return this.#pass(() => pipe.near.write(chunk))
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#pass(() => pipe.near.write(chunk))
    }, waitMs)
    this.#timers.add(timer)
  }

  #break(pipe: Pipe): void {
    this.#pipes.delete(pipe)
    pipe.near.destroy()
    pipe.far.destroy()
  }

  #pass(run: () => void): void {
    if (this.#isCut) this.#waiting.push(run)
    else run()
  }
}
