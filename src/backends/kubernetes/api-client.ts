/**
 * The few requests that an election makes of an API server, over `node:https`. No pool is shared with the application,
 * so nothing of the application's can stand before a renewal, and a connection that hung once is never used again.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
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
  /** Ends every connection. */
  close(): void
}

/** A Lease is a few hundred bytes, and with a crowd of labels a few thousand. */
const MAX_BODY_BYTES = 1024 * 1024

type AnyAgent = HttpAgent | HttpsAgent

export function apiClient(access: ClusterAccess): ApiClient {
  const base = new URL(access.server)
  const isPlain = base.protocol === 'http:'
  const prefix = base.pathname.replace(/\/$/, '')
  let agent: { readonly key: string; readonly agent: AnyAgent } | undefined
  let closed = false

  /** One pool for one set of keys: an agent keeps what it connected with. */
  const agentFor = (credentials: Credentials, ca: string | undefined): AnyAgent => {
    const key = JSON.stringify([ca, credentials.certificate, credentials.key])
    if (agent?.key === key) return agent.agent
    agent?.agent.destroy()
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
    agent = { key, agent: made }
    return made
  }

  /** What is idle in the pool may hang as well: the next request gets a connection of its own. */
  const distrust = (): void => {
    agent?.agent.destroy()
    agent = undefined
  }

  const send = async (request: ApiRequest, renew: boolean): Promise<IncomingMessage> => {
    const { signal } = request
    const credentials = await access.credentials({ renew, signal })
    if (closed) throw new ApiFailure(0, '', 'the client is closed')
    signal.throwIfAborted()
    const body = request.body === undefined ? undefined : JSON.stringify(request.body)
    const options: RequestOptions = {
      method: request.method,
      host: base.hostname.replace(/^\[|\]$/g, ''),
      port: base.port === '' ? (isPlain ? 80 : 443) : Number(base.port),
      path: prefix + request.path,
      agent: agentFor(credentials, access.authorities()),
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
    try {
      return await answerTo(isPlain ? httpRequest(options) : httpsRequest(options), body)
    } catch (error) {
      distrust()
      throw unanswered(error, access.server, signal)
    }
  }

  /** Credentials expire while they are in use: one more attempt with fresh ones. */
  const open = async (request: ApiRequest): Promise<IncomingMessage> => {
    const answer = await send(request, false)
    if (answer.statusCode !== 401) return answer
    answer.resume()
    return send(request, true)
  }

  const accepted = async (request: ApiRequest): Promise<IncomingMessage> => {
    const answer = await open(request)
    const status = answer.statusCode ?? 0
    if (status >= 200 && status < 300) return answer
    throw failureOf(status, answer.headers, await textOf(answer))
  }

  return {
    async call(request) {
      const text = await textOf(await accepted(request)).catch((error: unknown) => {
        distrust()
        throw error instanceof ApiFailure ? error : unanswered(error, access.server, request.signal)
      })
      try {
        return JSON.parse(text) as unknown
      } catch (cause) {
        throw new ApiFailure(0, '', `${access.server} answered with what is no JSON: is it an API server?`, {
          cause,
        })
      }
    },
    stream: accepted,
    close() {
      closed = true
      distrust()
    },
  }
}

/** A merge patch names what changes and leaves the rest alone. */
function typeOf({ method }: ApiRequest): string {
  return method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
}

function answerTo(request: ClientRequest, body: string | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve)
    request.once('error', reject)
    request.end(body)
  })
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) {
      answer.destroy()
      throw new ApiFailure(0, '', `the answer has more than ${MAX_BODY_BYTES} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function unanswered(error: unknown, server: string, signal: AbortSignal): ApiFailure {
  if (error instanceof ApiFailure) return error
  const why = signal.aborted ? 'no answer in time' : error instanceof Error ? error.message : String(error)
  return new ApiFailure(0, '', `${server}: ${why}`, { cause: error })
}
