/**
 * One HTTP/2 connection to one endpoint, opened when it is needed and again after it was lost. It is ours, and not that of
 * the gRPC library, because it must be droppable: a connection that went silent is worse than none.
 */
import { connect } from 'node:http2'
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  OutgoingHttpHeaders,
  SecureClientSessionOptions,
} from 'node:http2'

export class Link {
  /** As gRPC requests name it. */
  readonly authority: string
  readonly #options: SecureClientSessionOptions
  readonly #nowMs: () => number
  readonly #open = new Set<ClientHttp2Session>()
  #session: Promise<ClientHttp2Session> | undefined
  #current: ClientHttp2Session | undefined
  #closed = false
  #heardMs = Number.NEGATIVE_INFINITY

  constructor(authority: string, options: SecureClientSessionOptions, nowMs: () => number) {
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
    for (const session of this.#open) session.destroy(new Error('the connection was dropped'))
  }

  /** Resolves when its sockets are closed. */
  async close(): Promise<void> {
    this.#closed = true
    const closed = [...this.#open].map((session) => new Promise((resolve) => session.once('close', resolve)))
    this.drop()
    await Promise.all(closed)
  }

  #connect(): Promise<ClientHttp2Session> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new Error('the connection was closed'))
        return
      }
      const session = connect(this.authority, this.#options)
      this.#open.add(session)
      const over = (error?: Error): void => {
        if (this.#current === session) this.#session = undefined
        reject(error ?? new Error('the connection was closed'))
      }
      // Streams on a connection that is going away finish, new ones need another.
      session.once('goaway', () => over())
      session.on('error', over)
      session.once('close', () => {
        this.#open.delete(session)
        over()
      })
      session.once('connect', () => resolve(session))
      this.#current = session
    })
  }
}
