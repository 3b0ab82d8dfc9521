/**
 * The few requests that an election makes of an API server, over `node:https`. No pool is shared with the application,
 * so nothing of the application's can stand before a renewal, and a connection that hung once is never used again.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { destroyAgents, retireAgent, socketsOf } from '../agent-sockets.ts'
import { settledOrAborted } from '../settled.ts'
import type { ClusterAccess, Credentials } from './access/access.ts'
import { ApiFailure, failureOf } from './api-failure.ts'
import { version } from '../../version.ts'

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** From the server's root, with the query. */
  readonly path: string
  readonly body?: unknown
  readonly signal: AbortSignal
}

export interface ApiClient {
  /** The parsed JSON of a 2xx answer. @throws ApiFailure */
  call(request: ApiRequest): Promise<unknown>
  /** The stream of a watch: one JSON value a line. @throws ApiFailure */
  stream(request: ApiRequest): Promise<IncomingMessage>
  /** Ends every connection, also those with a request on them; resolves when none is left. */
  close(): Promise<void>
}

/** A Lease is a few hundred bytes, and with a crowd of labels a few thousand. */
const MAX_BODY_BYTES = 1024 * 1024

type AnyAgent = HttpAgent | HttpsAgent

export function apiClient(access: ClusterAccess): ApiClient {
  const base = new URL(access.server)
  const isPlain = base.protocol === 'http:'
  const prefix = base.pathname.replace(/\/$/, '')
  let current: { readonly key: string; readonly agent: AnyAgent } | undefined
  /** Serve the requests that are under way on them, and no others. */
  let retired: readonly AnyAgent[] = []
  let closed = false

  /**
   * What is idle in the pool may hang as well: the next request gets a connection of its own. Those that carry other
   * requests are left to them, because a renewal must not end with somebody else's time-out.
   */
  const distrust = (agent: AnyAgent | undefined): void => {
    if (agent === undefined || current?.agent !== agent) return
    retireAgent(agent)
    retired = [...retired.filter((each) => socketsOf(each).length > 0), agent]
    current = undefined
  }

  /** One pool for one set of keys: an agent keeps what it connected with. */
  const agentFor = (credentials: Credentials, ca: string | undefined): AnyAgent => {
    const key = JSON.stringify([ca, credentials.certificate, credentials.key])
    if (current?.key === key) return current.agent
    distrust(current?.agent)
    const made = isPlain
      ? new HttpAgent({ keepAlive: true })
      : new HttpsAgent({
          keepAlive: true,
          minVersion: 'TLSv1.2',
          rejectUnauthorized: !access.skipVerification,
          ...(ca === undefined ? {} : { ca }),
          ...(credentials.certificate === undefined ? {} : { cert: credentials.certificate }),
          ...(credentials.key === undefined ? {} : { key: credentials.key }),
          ...(access.serverName === undefined ? {} : { servername: access.serverName }),
        })
    current = { key, agent: made }
    return made
  }

  const send = async (request: ApiRequest, renew: boolean): Promise<Exchange> => {
    const { signal } = request
    const credentials = await settledOrAborted(access.credentials({ renew, signal }), signal).catch(
      (error: unknown) => {
        throw signal.aborted ? new ApiFailure(0, '', 'no credentials in time', { cause: error }) : error
      },
    )
    if (closed) throw new ApiFailure(0, '', 'the client is closed')
    signal.throwIfAborted()
    const body = request.body === undefined ? undefined : JSON.stringify(request.body)
    const agent = agentFor(credentials, access.authorities())
    const options: RequestOptions = {
      method: request.method,
      host: base.hostname.replace(/^\[|\]$/g, ''),
      port: base.port === '' ? (isPlain ? 80 : 443) : Number(base.port),
      path: prefix + request.path,
      agent,
      signal,
      headers: {
        accept: 'application/json',
        'user-agent': `mandate/${version}`,
        ...(credentials.authorization === undefined ? {} : { authorization: credentials.authorization }),
        ...(body === undefined
          ? {}
          : { 'content-type': typeOf(request), 'content-length': Buffer.byteLength(body) }),
      },
    }
    const distrusted = (error: unknown): ApiFailure => {
      distrust(agent)
      return error instanceof ApiFailure ? error : unanswered(error, access.server, signal)
    }
    try {
      return {
        answer: await answerTo(isPlain ? httpRequest(options) : httpsRequest(options), body),
        distrusted,
      }
    } catch (error) {
      throw distrusted(error)
    }
  }

  /** Credentials expire while they are in use: one more attempt with fresh ones. */
  const open = async (request: ApiRequest): Promise<Exchange> => {
    const exchange = await send(request, false)
    if (exchange.answer.statusCode !== 401) return exchange
    exchange.answer.resume()
    return send(request, true)
  }

  const accepted = async (request: ApiRequest): Promise<Exchange> => {
    const exchange = await open(request)
    const { statusCode = 0, headers } = exchange.answer
    if (statusCode >= 200 && statusCode < 300) return exchange
    throw failureOf(statusCode, headers, await textOf(exchange))
  }

  return {
    async call(request) {
      const text = await textOf(await accepted(request))
      try {
        return JSON.parse(text) as unknown
      } catch (cause) {
        throw new ApiFailure(0, '', `${access.server} answered with what is no JSON: is it an API server?`, {
          cause,
        })
      }
    },
    stream: async (request) => (await accepted(request)).answer,
    close() {
      closed = true
      distrust(current?.agent)
      return destroyAgents(retired)
    },
  }
}

/** A merge patch names what changes and leaves the rest alone. */
function typeOf({ method }: ApiRequest): string {
  return method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
}

interface Exchange {
  readonly answer: IncomingMessage
  /** Its connection failed in the middle: nothing kept beside it is used again. */
  distrusted(error: unknown): ApiFailure
}

function answerTo(request: ClientRequest, body: string | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve)
    request.once('error', reject)
    request.end(body)
  })
}

async function textOf({ answer, distrusted }: Exchange): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > MAX_BODY_BYTES)
        throw new ApiFailure(0, '', `the answer has more than ${MAX_BODY_BYTES} bytes`)
      chunks.push(chunk)
    }
  } catch (error) {
    throw distrusted(error)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function unanswered(error: unknown, server: string, signal: AbortSignal): ApiFailure {
  const why = signal.aborted ? 'no answer in time' : error instanceof Error ? error.message : String(error)
  return new ApiFailure(0, '', `${server}: ${why}`, { cause: error })
}
