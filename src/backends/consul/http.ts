/**
 * HTTP to one agent, over `node:http` and not `fetch`: that one takes no client certificates without a package, and its
 * sockets cannot be closed with the backend.
 *
 * Three lanes with sockets of their own, so that a renewal never waits behind a thousand campaigns, and neither behind a
 * blocking query.
 */
import { Agent as PlainAgent, request as plainRequest } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'
import { MandateError } from '../../errors.ts'
import type { Clock } from '../../seams/clock.ts'
import { bigintOf } from '../../fencing/consul/exact-json.ts'
import { destroyAgents } from '../agent-sockets.ts'
import type { ConsulSettings } from './options.ts'

export type Lane = 'live' | 'work' | 'watch'

export interface ConsulRequest {
  readonly method: 'GET' | 'PUT'
  /** Encoded. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly body?: string
  readonly lane: Lane
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  /** Asked twice it does the same: it is sent again when a kept connection turns out to be closed. */
  readonly idempotent: boolean
}

export interface ConsulReply {
  readonly status: number
  /** X-Consul-Index; undefined where there is none. */
  readonly index: bigint | undefined
  readonly text: string
}

/** Sockets at once. An agent takes 200 of one client, all its processes together, unless it is told otherwise. */
const SOCKETS: Readonly<Record<Lane, number>> = { live: 2, work: 16, watch: 16 }

/** Ten thousand elections under one prefix are 5 MB. */
const REPLY_BYTES_MAX = 64 * 1024 * 1024

export class ConsulHttp {
  readonly target: string
  readonly #settings: ConsulSettings
  readonly #clock: Clock
  readonly #agents: Readonly<Record<Lane, PlainAgent>>
  #closed = false

  constructor(settings: ConsulSettings, clock: Clock) {
    const { secure, host, port, tls } = settings
    this.target = `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`
    this.#settings = settings
    this.#clock = clock
    const agent = (lane: Lane): PlainAgent => {
      const options = { keepAlive: true, maxSockets: SOCKETS[lane], maxFreeSockets: SOCKETS[lane] }
      if (!secure) return new PlainAgent(options)
      const { ca, cert, key, serverName } = tls
      return new SecureAgent({
        ...options,
        ...(ca === undefined ? {} : { ca: pem(ca) }),
        ...(cert === undefined ? {} : { cert: pem(cert) }),
        ...(key === undefined ? {} : { key: pem(key) }),
        ...(serverName === undefined ? {} : { servername: serverName }),
      })
    }
    this.#agents = { live: agent('live'), work: agent('work'), watch: agent('watch') }
  }

  /** @throws BACKEND_UNAVAILABLE: nobody knows whether it took effect; CANCELLED; CLOSED */
  async send(request: ConsulRequest): Promise<ConsulReply> {
    for (let retried = false; ; retried = true) {
      if (this.#closed) throw new MandateError('CLOSED', 'the Consul backend is closed', { what: 'backend' })
      try {
        return await this.#once(request)
      } catch (error) {
        if (!(error instanceof StaleSocket)) throw error
        if (retried || !request.idempotent) throw this.#unavailable(error.message)
      }
    }
  }

  /** Ends every connection, also those with a request on them; resolves when none is left. */
  async close(): Promise<void> {
    this.#closed = true
    await destroyAgents(Object.values(this.#agents))
  }

  #once({ method, path, query = {}, body, lane, timeoutMs, signal }: ConsulRequest): Promise<ConsulReply> {
    const { secure, host, port, token, datacenter, namespace } = this.#settings
    const parameters = new URLSearchParams({
      ...query,
      ...(datacenter === undefined ? {} : { dc: datacenter }),
      ...(namespace === undefined ? {} : { ns: namespace }),
    }).toString()
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(cancelled(signal))
      const request: ClientRequest = (secure ? secureRequest : plainRequest)({
        method,
        host,
        port,
        path: parameters === '' ? path : `${path}?${parameters}`,
        agent: this.#agents[lane],
        headers: {
          ...(token === undefined ? {} : { 'X-Consul-Token': token }),
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          'Content-Length': body === undefined ? 0 : Buffer.byteLength(body),
        },
      })
      const settle = (finish: () => void): void => {
        timer.cancel()
        signal?.removeEventListener('abort', abort)
        finish()
      }
      const fail = (error: Error): void =>
        settle(() => {
          reject(error)
          request.destroy()
        })
      const abort = (): void => fail(cancelled(signal))
      let timer = this.#clock.setTimer(timeoutMs, () => {
        // After a stall the answer may have arrived and not been read yet.
        timer = this.#clock.afterPoll(() =>
          fail(this.#unavailable(`no answer to ${method} ${path} in ${Math.round(timeoutMs)} ms`)),
        )
      })
      signal?.addEventListener('abort', abort, { once: true })
      request.on('error', (error: NodeJS.ErrnoException) => {
        const stale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
        fail(stale ? new StaleSocket(error.message) : this.#unavailable(error.message, error))
      })
      request.on('response', (response) => {
        readText(response).then(
          (text) =>
            settle(() => resolve({ status: response.statusCode ?? 0, index: indexOf(response), text })),
          (error: Error) => fail(this.#unavailable(error.message, error)),
        )
      })
      request.end(body)
    })
  }

  #unavailable(reason: string, cause?: unknown): MandateError<'BACKEND_UNAVAILABLE'> {
    return new MandateError(
      'BACKEND_UNAVAILABLE',
      `Consul at ${this.target} does not answer: ${reason}`,
      { tried: [{ target: this.target, reason }] },
      { cause },
    )
  }
}

/** The server closed a kept connection just as it was used again. */
class StaleSocket extends Error {}

async function readText(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of response as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes > REPLY_BYTES_MAX) throw new Error(`the answer has more than ${REPLY_BYTES_MAX} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

function indexOf({ headers }: IncomingMessage): bigint | undefined {
  const header = headers['x-consul-index']
  return bigintOf(typeof header === 'string' ? header : undefined)
}

function pem(text: string | Uint8Array): string | Buffer {
  return typeof text === 'string' ? text : Buffer.from(text)
}

function cancelled(signal: AbortSignal | undefined): MandateError<'CANCELLED'> {
  return new MandateError('CANCELLED', 'cancelled by its signal', { reason: signal?.reason as unknown })
}
