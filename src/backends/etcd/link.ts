/**
 * One HTTP/2 connection to one endpoint, opened when it is needed and again after it was lost. It is ours, and not that of
 * the gRPC library, because it must be droppable: a connection that went silent is worse than none.
 */
import { connect } from 'node:http2'
import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'

export class Link {
  /** As gRPC requests name it. */
  readonly authority: string
  readonly #options: ConnectionOptions
  readonly #nowMs: () => number
  /** Sockets are counted, not sessions: Node never tells the end of a session whose TLS handshake was refused late. */
  readonly #open = new Map<Socket, ClientHttp2Session>()
  #session: Promise<ClientHttp2Session> | undefined
  #current: ClientHttp2Session | undefined
  #closed = false
  #heardMs = Number.NEGATIVE_INFINITY

  constructor(authority: string, options: ConnectionOptions, nowMs: () => number) {
    this.authority = authority
    this.#options = options
    this.#nowMs = nowMs
  }

  /** When anything was read from it last, by the clock it was given. */
  get heardMs(): number {
    return this.#heardMs
  }

  async request(method: string, path: string, headers: OutgoingHttpHeaders): Promise<ClientHttp2Stream> {
    const session = await (this.#session ??= this.#connect())
    const stream = session.request({ ...headers, ':method': method, ':path': path })
    let answered = false
    stream.once('response', () => {
      answered = true
      this.notifyResponseByteRead()
    })
    // A stream that had not begun closes without a code when its connection is destroyed, and the gRPC library would wait
    // for its answer for ever.
    stream.once('close', () => {
      if (!answered && stream.rstCode === 0) stream.emit('error', new Error('the connection was closed'))
    })
    return stream
  }

  notifyResponseByteRead(): void {
    this.#heardMs = this.#nowMs()
  }

  /** Ends everything on it at once; the next request connects anew. */
  drop(): void {
    this.#session = undefined
    for (const [socket, session] of this.#open) {
      session.destroy(new Error('the connection was dropped'))
      socket.destroy()
    }
  }

  /** Resolves when its sockets are closed. */
  async close(): Promise<void> {
    this.#closed = true
    const closed = [...this.#open.keys()].map(
      (socket) => new Promise((resolve) => socket.once('close', resolve)),
    )
    this.drop()
    await Promise.all(closed)
  }

  #connect(): Promise<ClientHttp2Session> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new Error('the connection was closed'))
        return
      }
      const socket = this.#dial()
      const session = connect(this.authority, { createConnection: () => socket })
      this.#open.set(socket, session)
      const over = (error?: Error): void => {
        if (this.#current === session) this.#session = undefined
        reject(error ?? new Error('the connection was closed'))
      }
      // Streams on a connection that is going away finish, new ones need another.
      session.once('goaway', () => over())
      session.on('error', over)
      session.once('close', () => over())
      socket.once('close', () => {
        this.#open.delete(socket)
        session.destroy()
        over()
      })
      session.once('connect', () => resolve(session))
      this.#current = session
    })
  }

  #dial(): Socket {
    const { protocol, hostname, port } = new URL(this.authority)
    const host = hostname.replace(/^\[|\]$/g, '')
    const socket =
      protocol === 'https:'
        ? connectTls({
            ...{ host, port: Number(port === '' ? 443 : port), ALPNProtocols: ['h2'] },
            // An address is no name that a server could choose a certificate by.
            ...(isIP(host) === 0 ? { servername: host } : {}),
            ...this.#options,
          })
        : connectTcp({ host, port: Number(port === '' ? 80 : port) })
    return socket.setNoDelay(true)
  }
}
