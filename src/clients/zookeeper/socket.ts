import { connect as connectTcp } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { FrameReader } from './frame-reader.ts'
import type { Frame } from './frame-reader.ts'

/** What `node:tls` takes of it; contents, not file names. */
export interface TlsOptions {
  readonly ca?: string | Buffer | readonly (string | Buffer)[] | undefined
  readonly cert?: string | Buffer | undefined
  readonly key?: string | Buffer | undefined
  /** The name that the server's certificate must carry. @default the host */
  readonly servername?: string | undefined
}

export interface ConnectionEvents {
  readonly open: () => void
  readonly frame: (frame: Frame) => void
  /** Once, and nothing after it; never after `destroy`. */
  readonly lost: (reason: string) => void
}

export interface Connection {
  send(bytes: Buffer): void
  destroy(): void
}

/** `server`: host:port, IPv6 in brackets. */
export function openConnection(
  server: string,
  o: { readonly tls: TlsOptions | undefined; readonly frameBytesMax: number },
  on: ConnectionEvents,
): Connection {
  const frames = new FrameReader(o.frameBytesMax)
  let socket: Socket
  try {
    socket = dial(server, o.tls)
  } catch (error) {
    return undialled(messageOf(error), on)
  }
  let over = false
  const end = (reason: string): void => {
    if (over) return
    over = true
    socket.destroy()
    on.lost(reason)
  }
  socket.setNoDelay(true)
  socket.once(o.tls === undefined ? 'connect' : 'secureConnect', () => {
    if (!over) on.open()
  })
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const frame of frames.push(chunk)) if (!over) on.frame(frame)
    } catch (error) {
      end(messageOf(error))
    }
  })
  socket.on('error', (error) => end(messageOf(error)))
  socket.on('close', () => end('the server closed the connection'))
  return {
    send: (bytes) => void socket.write(bytes),
    destroy: () => {
      over = true
      socket.destroy()
    },
  }
}

/** Node refuses a certificate or a key that it cannot read before it dials: told later, as every other failure. */
function undialled(reason: string, on: ConnectionEvents): Connection {
  const told = setImmediate(() => on.lost(reason))
  return { send: () => undefined, destroy: () => clearImmediate(told) }
}

function dial(server: string, tls: TlsOptions | undefined): Socket {
  const colon = server.lastIndexOf(':')
  const host = server.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
  const port = Number(server.slice(colon + 1))
  if (tls === undefined) return connectTcp({ host, port })
  const { ca, cert, key, servername } = tls
  return connectTls({
    host,
    port,
    ...(ca === undefined ? {} : { ca: typeof ca === 'string' || Buffer.isBuffer(ca) ? ca : [...ca] }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    // An address is no name that TLS could ask for.
    ...(servername === undefined ? (/^[\d.]+$|:/.test(host) ? {} : { servername: host }) : { servername }),
  })
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as NodeJS.ErrnoException
  return error.message === '' ? (code ?? error.name) : error.message
}
