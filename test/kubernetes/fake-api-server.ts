/**
 * An API server of a few lines, for what a real one does not do on demand: lost answers, storms of conflicts, 429, a watch
 * that stands and says nothing. Everything else is tested on the real one.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { ClusterAccess } from '../../src/backends/kubernetes/access/access.ts'
import type { KubernetesObject } from '../../src/backends/kubernetes/lock-format.ts'

export interface FakeRequest {
  readonly method: string
  /** Of the object; '' for the collection, `watch` for its watch. */
  readonly name: string
  readonly query: URLSearchParams
  readonly authorization: string
}

export type FakeFault =
  /** Answered so, and nothing done. */
  | { readonly is: 'refused'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Done, and the connection cut before the answer. */
  | { readonly is: 'answer lost' }
  /** Neither done nor answered. */
  | { readonly is: 'hangs' }

export class FakeApiServer {
  /** `METHOD name`, in the order in which they came. */
  readonly asked: string[] = []
  /** The fate of each request; replace at will. */
  fault: (request: FakeRequest) => FakeFault | undefined = () => undefined
  /** False: changes reach no watch, as if its connection were dead. */
  tellsWatches = true
  readonly #objects = new Map<string, KubernetesObject>()
  readonly #watches = new Map<ServerResponse, { readonly name: string | undefined }>()
  readonly #sockets = new Set<Socket>()
  readonly #server: Server
  #version = 100

  private constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    server.on('request', (request, response) => this.#came(request, response))
  }

  static async start(): Promise<FakeApiServer> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new FakeApiServer(server)
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get access(): ClusterAccess {
    return {
      server: this.url,
      namespace: 'jobs',
      authorities: () => undefined,
      skipVerification: false,
      credentials: ({ renew }) => Promise.resolve({ authorization: renew ? 'Bearer fresh' : 'Bearer old' }),
    }
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sockets.size
  }

  get watches(): number {
    return this.#watches.size
  }

  object(name: string): KubernetesObject | undefined {
    return this.#objects.get(name)
  }

  /** A foreign tool writes, or deletes, without asking. */
  force(name: string, object: KubernetesObject | null): void {
    this.#store(name, object)
  }

  /** To every watch, whatever it says. */
  say(type: string, object: unknown): void {
    for (const response of this.#watches.keys()) response.write(`${JSON.stringify({ type, object })}\n`)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #came(request: IncomingMessage, response: ServerResponse): void {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => this.#serve(request, response, text))
  }

  #serve(request: IncomingMessage, response: ServerResponse, text: string): void {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', this.url)
    const method = request.method ?? ''
    const isWatch = query.get('watch') === 'true'
    const name = isWatch
      ? 'watch'
      : (/\/(?:leases|endpoints|configmaps)\/?([^/]*)$/.exec(pathname)?.[1] ?? pathname)
    this.asked.push(`${method} ${name}`)
    const authorization = request.headers.authorization ?? ''
    const fault = this.fault({ method, name, query, authorization })
    if (fault?.is === 'hangs') return
    if (fault?.is === 'refused') return answer(response, fault.status, {}, fault.headers)
    if (isWatch) return this.#watch(query, response)
    const [status, body] = this.#act(method, name, text)
    if (fault?.is === 'answer lost') response.destroy()
    else answer(response, status, body)
  }

  #act(method: string, name: string, text: string): readonly [status: number, body: unknown] {
    const body = text === '' ? {} : (JSON.parse(text) as KubernetesObject)
    const key = name === '' ? (body.metadata?.name ?? '') : name
    const there = this.#objects.get(key)
    switch (method) {
      case 'POST':
        return there === undefined ? [201, this.#store(key, body)] : [409, { reason: 'AlreadyExists' }]
      case 'PUT': {
        if (there === undefined) return [404, { reason: 'NotFound' }]
        const same = there.metadata?.resourceVersion === body.metadata?.resourceVersion
        return same ? [200, this.#store(key, body)] : [409, { reason: 'Conflict' }]
      }
      default:
        return name.startsWith('/') ? [200, {}] : there === undefined ? [404, {}] : [200, there]
    }
  }

  #watch(query: URLSearchParams, response: ServerResponse): void {
    const name = query.get('fieldSelector')?.replace('metadata.name=', '')
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
    this.#watches.set(response, { name })
    response.once('close', () => this.#watches.delete(response))
    const object = name === undefined ? undefined : this.#objects.get(name)
    if (query.get('resourceVersion') === null && object !== undefined && this.tellsWatches)
      response.write(`${JSON.stringify({ type: 'ADDED', object })}\n`)
  }

  #store(name: string, object: KubernetesObject | null): KubernetesObject {
    const before = this.#objects.get(name)
    const resourceVersion = String(++this.#version)
    const uid = before?.metadata?.uid ?? `uid-${resourceVersion}`
    const stored = {
      ...(object ?? before),
      metadata: { ...(object ?? before)?.metadata, name, uid, resourceVersion },
    }
    if (object === null) this.#objects.delete(name)
    else this.#objects.set(name, stored)
    const type = object === null ? 'DELETED' : before === undefined ? 'ADDED' : 'MODIFIED'
    if (this.tellsWatches) {
      for (const [response, watch] of this.#watches)
        if (watch.name === name) response.write(`${JSON.stringify({ type, object: stored })}\n`)
    }
    return stored
  }
}

function answer(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}
