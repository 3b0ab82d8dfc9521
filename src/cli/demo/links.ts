/**
 * Links between the peers of the live demo that can be cut: a small TCP proxy on loopback for each direction.
 *
 * A cut link is a black hole: connections stay open, new ones are accepted, and nothing passes. A peer that is dead is
 * something else, and must look like it: whoever dials it is refused (DESIGN §4.2), so a link closes its own listener
 * before it passes on that a dead peer's connections broke.
 */
import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { MandateError } from '../../errors.ts'

/** From one peer to another, which may be dead. */
export class Link {
  readonly #listenPort: number
  readonly #targetPort: number
  readonly #pairs = new Set<Pair>()
  #server: Server | undefined
  #cut = false
  #closed = false

  constructor(listenPort: number, targetPort: number) {
    this.#listenPort = listenPort
    this.#targetPort = targetPort
  }

  /** Also when the target came back. @throws ADDRESS_IN_USE */
  open(): Promise<void> {
    if (this.#server !== undefined || this.#closed) return Promise.resolve()
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) =>
      this.#accept(socket),
    )
    this.#server = server
    const address = `127.0.0.1:${this.#listenPort}`
    return new Promise((resolve, reject) => {
      server.on('error', (error) => {
        if (this.#server === server) this.#server = undefined
        const message = `a link of the demo cannot listen on ${address}: ${error.message}`
        reject(new MandateError('ADDRESS_IN_USE', message, { address }))
      })
      server.listen({ host: '127.0.0.1', port: this.#listenPort, exclusive: true }, resolve)
    })
  }

  set cut(cut: boolean) {
    if (cut === this.#cut) return
    this.#cut = cut
    for (const pair of this.#pairs) this.#flow(pair)
  }

  close(): void {
    this.#closed = true
    this.#refuse()
    for (const { from, to } of this.#pairs) for (const socket of [from, to]) socket?.destroy()
    this.#pairs.clear()
  }

  #accept(from: Socket): void {
    const pair: Pair = { from, to: undefined, broken: false, joined: false }
    this.#pairs.add(pair)
    for (const event of ['error', 'end', 'close']) from.on(event, () => this.#broke(pair))
    this.#flow(pair)
  }

  /** As the state of the link has it: nothing passes, or what waited does. */
  #flow(pair: Pair): void {
    if (this.#cut) {
      pair.from.unpipe()
      pair.to?.unpipe()
      pair.from.pause()
      pair.to?.pause()
      return
    }
    if (pair.broken) return void this.#end(pair)
    if (pair.to === undefined) this.#dial(pair)
    else if (pair.joined) this.#join(pair, pair.to)
  }

  #dial(pair: Pair): void {
    const to = connect({ host: '127.0.0.1', port: this.#targetPort, noDelay: true, allowHalfOpen: true })
    pair.to = to
    to.once('connect', () => {
      pair.joined = true
      this.#flow(pair)
    })
    to.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') this.#refuse()
    })
    for (const event of ['end', 'close']) to.on(event, () => this.#broke(pair))
  }

  #join({ from }: Pair, to: Socket): void {
    // An end is passed on by `#end` only.
    from.pipe(to, { end: false })
    to.pipe(from, { end: false })
  }

  #broke(pair: Pair): void {
    if (pair.broken) return
    pair.broken = true
    if (!this.#cut) void this.#end(pair)
  }

  /** The other side hears of it only when this listener says the truth about the target. */
  async #end(pair: Pair): Promise<void> {
    if (!this.#pairs.delete(pair)) return
    if (this.#server !== undefined && (await refuses(this.#targetPort))) this.#refuse()
    pair.to?.destroySoon()
    if (pair.joined) pair.from.destroySoon()
    else pair.from.resetAndDestroy()
  }

  #refuse(): void {
    this.#server?.close()
    this.#server = undefined
  }
}

interface Pair {
  readonly from: Socket
  to: Socket | undefined
  /** The target accepted. */
  joined: boolean
  broken: boolean
}

function refuses(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(false)
    })
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED'))
  })
}

/** All links of a cluster. `ports`: those of the peers first, in their order, then one for each link. */
export class Links {
  readonly #all: {
    readonly from: string
    readonly to: string
    readonly port: number
    readonly link: Link
  }[] = []

  constructor(ids: readonly string[], ports: readonly number[]) {
    for (const from of ids) {
      for (const to of ids) {
        if (from === to) continue
        const port = ports[ids.length + this.#all.length] ?? 0
        this.#all.push({ from, to, port, link: new Link(port, ports[ids.indexOf(to)] ?? 0) })
      }
    }
  }

  static portsFor(peers: number): number {
    return peers * peers
  }

  /** What this peer takes for the addresses of the others. */
  addressesFor(id: string): Record<string, string> {
    const own = this.#all.filter(({ from }) => from === id)
    return Object.fromEntries(own.map(({ to, port }) => [to, `127.0.0.1:${port}`]))
  }

  /** @throws ADDRESS_IN_USE */
  async open(): Promise<void> {
    await Promise.all(this.#all.map(({ link }) => link.open()))
  }

  /** It listens, perhaps again. @throws ADDRESS_IN_USE */
  async openTo(id: string): Promise<void> {
    await Promise.all(this.#all.filter(({ to }) => to === id).map(({ link }) => link.open()))
  }

  /** Black-holes every link that begins or ends at one of these, and no other. */
  cut(ids: ReadonlySet<string>): void {
    for (const { from, to, link } of this.#all) link.cut = ids.has(from) || ids.has(to)
  }

  close(): void {
    for (const { link } of this.#all) link.close()
  }
}
