/**
 * The listening side: takes connections, hears their hello, and hands them on as a peer's or a client's. Whoever says
 * nothing useful for two seconds is disconnected, and strangers can never fill the places of peers.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { MandateError } from '../errors.ts'
import type { Clock } from '../seams/clock.ts'
import type { ErrorReply } from './messages.ts'
import { isLoopback, parseAddress } from './tcp-address.ts'
import { Connection } from './tcp-connection.ts'
import { maxHandshakeBytes } from './tcp-frame.ts'
import { readHello, rejectFrame, type Listener as Greeter, type PeerHello } from './tcp-handshake.ts'

const HELLO_MS = 2000
const MAX_QUEUED_BYTES = 8 * 1024 * 1024
/** Beyond this the stranger who waited longest has to go. */
const MAX_STRANGERS = 256

export interface ListenerEvents {
  /** Welcomes the connection and takes it with `handOver`, or says why not. */
  peer(hello: PeerHello, connection: Connection): ErrorReply | undefined
  client(connection: Connection): ErrorReply | undefined
  /** A connection that never became one: garbage, silence, a wrong address. */
  turnedAway(remote: string, error: ErrorReply): void
  failed(error: unknown): void
}

export interface ListenerOptions {
  readonly listen: string
  readonly insecure: boolean
  readonly greeter: Greeter
  readonly clock: Clock
  readonly events: ListenerEvents
}

export class TcpListener {
  readonly #options: ListenerOptions
  readonly #server: Server
  /** Each with what ends its time as a stranger. */
  readonly #strangers = new Map<Connection, () => void>()

  constructor(options: ListenerOptions) {
    this.#options = options
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
  }

  /** The address in use, with the port that was chosen for port 0. */
  get address(): string {
    const { address, family, port } = this.#server.address() as AddressInfo
    return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`
  }

  /** @throws INSECURE_LISTENER, ADDRESS_IN_USE, INVALID_OPTIONS */
  async start(): Promise<void> {
    const { listen, insecure, events } = this.#options
    const { host, port } = parseAddress(listen)
    if (!insecure && !isLoopback(host)) {
      throw new MandateError(
        'INSECURE_LISTENER',
        `'${listen}' can be reached from other machines, and frames are neither encrypted nor authenticated yet; ` +
          'listen on 127.0.0.1, or set `insecure: true` if the network is trusted',
        { address: listen },
      )
    }
    // `exclusive`: workers of node:cluster would share the port, and two of them would be one peer.
    await new Promise<void>((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException): void => reject(listenError(listen, error))
      this.#server.once('error', failed)
      this.#server.listen({ host, port, exclusive: true }, () => {
        this.#server.off('error', failed)
        // Without descriptors accepting fails; what is connected works on.
        this.#server.on('error', (error) => events.failed(error))
        resolve()
      })
    })
  }

  /** Refuses newcomers at once; resolves when every connection it ever accepted is gone. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const stranger of this.#strangers.keys()) this.#dismiss(stranger)
    await closed
  }

  #accept(socket: Socket): void {
    const { clock, greeter, events } = this.#options
    this.#makeRoom()
    let error: ErrorReply | undefined
    const limits = { maxPayloadBytes: maxHandshakeBytes, maxQueuedBytes: MAX_QUEUED_BYTES }
    const connection: Connection = new Connection(socket, clock, limits, {
      frame: (frame) => {
        // Read before it stops being a stranger: garbage in the hello ends the connection right here.
        const greeting = readHello(frame, greeter)
        leave()
        if (greeting.is === 'refused') error = greeting.error
        else if (greeting.is === 'client') error = events.client(connection)
        else error = events.peer(greeting.hello, connection)
        if (error === undefined) return
        events.turnedAway(connection.remote, error)
        connection.send(rejectFrame(error))
        connection.end()
      },
      closed: (reason, garbage) => {
        leave()
        if (garbage) events.turnedAway(connection.remote, { code: 'PROTOCOL_ERROR', message: reason })
      },
    })
    const timer = clock.setTimer(HELLO_MS, () => {
      leave()
      connection.destroy()
      events.turnedAway(connection.remote, { code: 'TIMEOUT', message: `no hello within ${HELLO_MS} ms` })
    })
    const leave = (): void => {
      timer.cancel()
      this.#strangers.delete(connection)
    }
    this.#strangers.set(connection, leave)
  }

  #makeRoom(): void {
    if (this.#strangers.size < MAX_STRANGERS) return
    const [oldest] = this.#strangers.keys()
    if (oldest !== undefined) this.#dismiss(oldest)
  }

  #dismiss(stranger: Connection): void {
    this.#strangers.get(stranger)?.()
    stranger.destroy()
  }
}

function listenError(listen: string, error: NodeJS.ErrnoException): MandateError {
  switch (error.code) {
    case 'EADDRINUSE':
      return new MandateError(
        'ADDRESS_IN_USE',
        `another process listens on ${listen}; is this peer running already? Stop it, or choose another port`,
        { address: listen },
        { cause: error },
      )
    case 'EADDRNOTAVAIL':
    case 'EACCES':
    case 'ENOTFOUND':
      return new MandateError(
        'INVALID_OPTIONS',
        `cannot listen on '${listen}' (${error.code}); use an address of this machine and a port above 1023`,
        { option: 'listen', value: listen },
        { cause: error },
      )
    default:
      return new MandateError(
        'INTERNAL',
        `cannot listen on '${listen}'`,
        { reason: error.message },
        { cause: error },
      )
  }
}
