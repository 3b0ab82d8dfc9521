/**
 * The HTTP server of `serve`: bounded in everything, and every answer is computed in the turn that writes it.
 *
 * A response that had to wait behind another on its connection would be written later than it was decided, and a leader's
 * answer would be stale by then. So a connection carries one request at a time: who sends another before the answer
 * loses it.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { MandateError } from '../../errors.ts'
import { joinAddress } from '../url-grammar.ts'
import { showListenAddress } from './listen-address.ts'
import type { ListenAddress } from './listen-address.ts'

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly contentType?: string
  readonly body: string
}

/** Takes the response over instead of answering at once. */
export interface Takeover {
  take(response: ServerResponse): void
}

export interface HttpLimits {
  /** Beyond it, the connection that is the oldest and carries no stream goes: a crowd of idle ones keeps no probe out. */
  readonly connections: number
  readonly headerBytes: number
  /** From the connection to the whole head of a request; also how long a connection may be idle. */
  readonly requestMs: number
}

export const httpLimits: HttpLimits = { connections: 256, headerBytes: 8192, requestMs: 5000 }

export interface RunningServer {
  readonly address: ListenAddress
  readonly url: string
  /** Open connections. */
  readonly connections: number
  /** Takes no more connections, and ends those that are open once they were answered, at the latest after a second. */
  close(): Promise<void>
}

export interface HttpHandlers {
  answer(request: IncomingMessage): Answer | Takeover
  /** The server itself failed, such as for want of descriptors; it goes on. */
  failed(error: Error): void
}

/** @throws ADDRESS_IN_USE, INVALID_OPTIONS */
export async function startHttpServer(
  address: ListenAddress,
  { answer, failed }: HttpHandlers,
  limits: HttpLimits = httpLimits,
): Promise<RunningServer> {
  const streaming = new WeakSet<Socket>()
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.requestMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.requestMs,
      connectionsCheckingInterval: Math.min(1000, limits.requestMs),
      noDelay: true,
    },
    (request, response) => {
      const { socket } = request
      const isBehind = response.socket === null || streaming.has(socket) || socket.writableLength > 0
      if (isBehind) return void socket.destroy()
      const result = answer(request)
      if ('take' in result) {
        streaming.add(socket)
        socket.setTimeout(0)
        return result.take(response)
      }
      return write(request, response, result)
    },
  )
  server.timeout = 2 * limits.requestMs
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    if (sockets.size <= limits.connections) return
    for (const oldest of sockets) {
      if (streaming.has(oldest)) continue
      oldest.destroy()
      sockets.delete(oldest)
      break
    }
  })
  const port = await listen(server, address)
  server.on('error', failed)
  const bound = { host: address.host, port }
  return {
    address: bound,
    // Where every address is listened on, the loopback one is as good as any.
    url: `http://${joinAddress(bound.host === '' ? '127.0.0.1' : bound.host, port)}`,
    get connections() {
      return sockets.size
    },
    close: () => close(server),
  }
}

/** One write for head and body, in this turn. */
function write(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, contentType, body }: Answer,
): void {
  const hasBody =
    request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined
  response.writeHead(status, {
    'content-type': contentType ?? 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    // What it still sends would be read for nothing.
    ...(hasBody ? { connection: 'close' } : {}),
    ...headers,
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

function listen(server: Server, address: ListenAddress): Promise<number> {
  const { host, port } = address
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void =>
      reject(listenError(error, showListenAddress(address)))
    server.once('error', failed)
    server.listen({ port, ...(host === '' ? {} : { host }) }, () => {
      server.off('error', failed)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

function listenError(error: NodeJS.ErrnoException, address: string): MandateError {
  if (error.code === 'EADDRINUSE') {
    const message = `--http: another process listens on ${address}`
    return new MandateError('ADDRESS_IN_USE', message, { address }, { cause: error })
  }
  const message = `--http: cannot listen on ${address}: ${error.message}`
  return new MandateError('INVALID_OPTIONS', message, { option: 'http', value: address }, { cause: error })
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const force = setTimeout(() => server.closeAllConnections(), 1000)
  await closed
  clearTimeout(force)
}
