/**
 * A TCP proxy that hurts what passes: the network between a client and one server, as bad as a test needs it. It knows no
 * protocol; a fault that needs one (`loseReply`) is told by the test what a request or an answer looks like.
 */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** `up`: from the client to the server. */
export type Direction = 'up' | 'down'

/** Whether a piece of the stream is the one that is meant. */
export type Matcher = (piece: Buffer) => boolean

interface Held {
  readonly pass: () => void
  /** What is passed on; absent: a connection, or its end. */
  readonly piece?: Buffer | undefined
}

interface Line {
  readonly client: Socket
  readonly server: Socket
  /** When the piece sent last is due: later ones must not overtake it. */
  readonly dueMs: Record<Direction, number>
  /** The answer to a request on this line is being lost. */
  losing: boolean
}

export class FaultProxy {
  readonly #target: { readonly host: string; readonly port: number }
  readonly #lines = new Set<Line>()
  /** Accepted, while everything is held back. */
  readonly #waiting = new Set<Socket>()
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #delayMs: Record<Direction, number> = { up: 0, down: 0 }
  readonly #hole: Record<Direction, boolean> = { up: false, down: false }
  #server: Server | undefined
  #port = 0
  #held: Held[] = []
  #cut: { readonly direction: Direction; bytes: number } | undefined
  #request: { readonly matches: Matcher; readonly afterMs: number } | undefined
  #answer: Matcher | undefined

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target
  }

  /** Listens on a port of the kernel's choice. `target`: `host:port`, or a port of 127.0.0.1. */
  static async to(target: string | number): Promise<FaultProxy> {
    const [host = '', port] = typeof target === 'number' ? ['127.0.0.1', target] : target.split(/:(?=\d+$)/)
    const proxy = new FaultProxy({ host, port: Number(port) })
    await proxy.#listen()
    return proxy
  }

  /** A proxy before each. */
  static toAll(targets: readonly (string | number)[]): Promise<FaultProxy[]> {
    return Promise.all(targets.map((target) => FaultProxy.to(target)))
  }

  get port(): number {
    return this.#port
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#lines.size + this.#waiting.size
  }

  /** Whether such a piece is held back. */
  isHolding(matches: Matcher): boolean {
    return this.#held.some(({ piece }) => piece !== undefined && matches(piece))
  }

  /** Everything that comes from now on arrives so much later, in order. */
  delay(ms: number, direction: Direction | 'both' = 'both'): void {
    for (const each of directions(direction)) this.#delayMs[each] = ms
  }

  /** Nothing passes, ends of connections included, and nobody is told. What was sent waits for `heal`. */
  blackHole(direction: Direction | 'both' = 'both'): void {
    for (const each of directions(direction)) this.#hole[each] = true
  }

  /** Ends every connection by a reset, as a middlebox does. New ones pass. */
  reset(): void {
    for (const line of [...this.#lines]) this.#break(line, 'reset')
  }

  /** Resets what is open and refuses what comes, as a machine whose server has ended. */
  async refuse(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    this.reset()
    for (const socket of this.#waiting) socket.resetAndDestroy()
    if (server !== undefined) await new Promise((resolve) => server.close(resolve))
  }

  /** Lets so many bytes pass, then ends that connection: in the middle of a frame, if the number is small. */
  cutAfter(bytes: number, direction: Direction = 'down'): void {
    this.#cut = { direction, bytes }
  }

  /**
   * The next request that matches passes, nothing that comes back on its connection does, and the connection is reset
   * `afterMs` later: long enough for the server to commit.
   */
  loseReply(matches: Matcher = () => true, afterMs = 200): void {
    this.#request = { matches, afterMs }
  }

  /** The next answer that matches is lost, and its connection with it. */
  loseAnswer(matches: Matcher): void {
    this.#answer = matches
  }

  /** Whether a loss that was asked for is still to come. */
  get armed(): boolean {
    return this.#request !== undefined || this.#answer !== undefined || this.#cut !== undefined
  }

  /** Ends every fault. What waited is delivered, unless `drop` is asked for: then its connections are reset. */
  async heal({ held = 'deliver' }: { readonly held?: 'deliver' | 'drop' } = {}): Promise<void> {
    if (held === 'drop') {
      this.#held = []
      this.reset()
      for (const socket of this.#waiting) socket.resetAndDestroy()
    }
    for (const each of directions('both')) {
      this.#delayMs[each] = 0
      this.#hole[each] = false
    }
    this.#cut = undefined
    this.#request = undefined
    this.#answer = undefined
    const late = this.#held
    this.#held = []
    for (const { pass } of late) pass()
    if (this.#server === undefined) await this.#listen()
  }

  /** Ends all connections as the kernel does for a killed process. */
  async close(): Promise<void> {
    this.#held = []
    for (const timer of this.#timers) clearTimeout(timer)
    await this.refuse()
  }

  async #listen(): Promise<void> {
    const server = createServer((client) => {
      client.setNoDelay(true)
      client.on('error', () => undefined)
      if (!this.#hole.up && !this.#hole.down) return this.#open(client)
      // The connection stands, as a black hole behind it allows; what it leads to comes later.
      this.#waiting.add(client)
      const forget = (): void => void this.#waiting.delete(client)
      client.on('close', forget)
      const pass = (): void => {
        client.off('close', forget)
        if (this.#waiting.delete(client)) this.#open(client)
      }
      this.#held.push({ pass })
    })
    this.#server = server
    await once(server.listen(this.#port, '127.0.0.1'), 'listening')
    this.#port = (server.address() as AddressInfo).port
  }

  #open(client: Socket): void {
    const server = connect({ ...this.#target, noDelay: true })
    server.on('error', () => undefined)
    const line: Line = { client, server, dueMs: { up: 0, down: 0 }, losing: false }
    this.#lines.add(line)
    client.on('data', (piece) => this.#came(line, 'up', piece))
    server.on('data', (piece) => this.#came(line, 'down', piece))
    client.on('close', () => this.#pass(line, 'up', () => this.#break(line, 'close')))
    server.on('close', () => this.#pass(line, 'down', () => this.#break(line, 'close')))
  }

  #came(line: Line, direction: Direction, piece: Buffer): void {
    if (direction === 'up' && this.#request?.matches(piece) === true) {
      line.losing = true
      this.#later(this.#request.afterMs, () => this.#break(line, 'reset'))
      this.#request = undefined
    }
    if (direction === 'down' && this.#answer?.(piece) === true) {
      this.#answer = undefined
      return this.#break(line, 'reset')
    }
    if (direction === 'down' && line.losing) return
    const to = direction === 'up' ? line.server : line.client
    this.#pass(line, direction, () => this.#write(line, direction, to, piece), piece)
  }

  #write(line: Line, direction: Direction, to: Socket, piece: Buffer): void {
    const cut = this.#cut
    if (cut?.direction !== direction || cut.bytes >= piece.length) {
      if (cut?.direction === direction) cut.bytes -= piece.length
      to.write(piece)
      return
    }
    this.#cut = undefined
    // What was let through must arrive, so this connection ends, and is not reset.
    to.end(piece.subarray(0, cut.bytes))
    this.#lines.delete(line)
    const other = to === line.client ? line.server : line.client
    other.destroy()
  }

  #pass(line: Line, direction: Direction, run: () => void, piece?: Buffer): void {
    if (this.#hole[direction]) {
      this.#held.push({ pass: () => this.#pass(line, direction, run, piece), piece })
      return
    }
    line.dueMs[direction] = Math.max(line.dueMs[direction], performance.now() + this.#delayMs[direction])
    const waitMs = line.dueMs[direction] - performance.now()
    if (waitMs <= 0) run()
    // It may have fallen into a hole that opened meanwhile.
    else this.#later(waitMs, () => (this.#hole[direction] ? this.#held.push({ pass: run, piece }) : run()))
  }

  #later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, ms)
    this.#timers.add(timer)
  }

  #break(line: Line, how: 'reset' | 'close'): void {
    if (!this.#lines.delete(line)) return
    for (const socket of [line.client, line.server]) {
      if (how === 'reset') socket.resetAndDestroy()
      else socket.destroy()
    }
  }
}

const directions = (which: Direction | 'both'): readonly Direction[] =>
  which === 'both' ? ['up', 'down'] : [which]
