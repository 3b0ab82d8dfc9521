/** What is answered where. */
import type { IncomingMessage } from 'node:http'
import { prometheusContentType } from '../../observability/prometheus-text.ts'
import { isLoopback } from '../../cluster/tcp-address.ts'
import { version } from '../../version.ts'
import { tokenVariable } from './bearer.ts'
import type { BearerCheck } from './bearer.ts'
import type { ElectionView } from './election-view.ts'
import type { EventStreams } from './event-streams.ts'
import type { Answer, Takeover } from './http-server.ts'
import type { Compat } from './settings.ts'

export interface RouteOptions {
  readonly view: ElectionView
  readonly streams: EventStreams
  readonly bearer: BearerCheck | undefined
  /** Whether only this machine reaches the listener. */
  readonly isLocal: boolean
  readonly compat: Compat | undefined
  /** What is wrong; undefined: nothing. */
  readonly live: () => string | undefined
  readonly ready: () => string | undefined
  readonly metrics: () => string
  /** A defect: told, because nobody else sees it, and answered, because a question must not end a leadership. */
  readonly failed: (error: unknown) => void
  /** `route` is one of a closed set. */
  readonly counted: (route: string, status: number) => void
}

type Route = (request: IncomingMessage) => Answer | Takeover

/** Answered without a token: a kubelet has none, and they say one word. */
const open = new Set(['/livez', '/readyz'])

export function router(options: RouteOptions): Route {
  const routes = routesOf(options)
  return (request) => {
    const { pathname, keys } = split(request.url ?? '/')
    const route = routes.get(pathname)
    const answer = (): Answer | Takeover =>
      refusal(request, options, pathname, keys) ?? route?.(request) ?? notFound(pathname, [...routes.keys()])
    const result = orDefect(answer, options)
    options.counted(route === undefined ? 'other' : pathname, 'status' in result ? result.status : 200)
    return result
  }
}

function orDefect(answer: () => Answer | Takeover, { failed }: RouteOptions): Answer | Takeover {
  try {
    return answer()
  } catch (error) {
    failed(error)
    return problem(500, 'a defect of mandate: see its log')
  }
}

function routesOf(options: RouteOptions): ReadonlyMap<string, Route> {
  const { view, compat } = options
  const path = `/v1/elections/${encodeURIComponent(view.election)}`
  const routes = new Map<string, Route>([
    ['/leader', () => leader(view)],
    [path, () => json(200, view.answer())],
    [`${path}/events`, (request) => events(request, options)],
    ['/livez', (request) => health(options.live(), request, options)],
    ['/readyz', (request) => health(options.ready(), request, options)],
    ['/metrics', () => ({ status: 200, contentType: prometheusContentType, body: options.metrics() })],
  ])
  if (compat !== undefined) {
    // As the old sidecar: always 200, and '' while nobody is known to lead. Programs act upon both answers.
    routes.set('/', () => ({ status: 200, body: JSON.stringify({ name: view.answer().leader?.id ?? '' }) }))
    routes.set('/isLeader', () => ({ status: 200, body: `{"isLeader": ${view.answer().candidate.leads}}` }))
  }
  return routes
}

/** The status is the answer: every load balancer, probe and `curl -f` reads it. */
function leader(view: ElectionView): Answer {
  const answer = view.answer()
  return json(answer.candidate.leads ? 200 : 503, answer)
}

function events(request: IncomingMessage, { view, streams }: RouteOptions): Answer | Takeover {
  if (streams.isFull) return problem(503, 'as many streams are open as there may be; ask again later')
  if (request.method === 'HEAD') return { status: 200, contentType: 'text/event-stream', body: '' }
  return {
    take(response) {
      response.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        // nginx would keep the news until its buffer is full.
        'x-accel-buffering': 'no',
      })
      streams.open(response, envelope(view.news()))
    },
  }
}

/** The reason only for those who may know it. */
function health(
  wrong: string | undefined,
  request: IncomingMessage,
  { bearer, isLocal }: RouteOptions,
): Answer {
  const mayKnow = bearer === undefined ? isLocal : bearer(request.headers.authorization)
  const body = wrong === undefined ? 'ok\n' : mayKnow ? `not ok: ${wrong}\n` : 'not ok\n'
  return { status: wrong === undefined ? 200 : 503, contentType: 'text/plain; charset=utf-8', body }
}

function refusal(
  request: IncomingMessage,
  { bearer, isLocal }: RouteOptions,
  pathname: string,
  keys: readonly string[],
): Answer | undefined {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return {
      ...problem(405, 'only GET and HEAD are answered'),
      headers: { allow: 'GET, HEAD', connection: 'close' },
    }
  }
  if (keys.some((key) => /token|secret|auth|password/i.test(key))) {
    const advice = 'addresses end in logs. Send the token as a header: Authorization: Bearer …'
    return problem(400, `a secret does not belong into an address: ${advice}`)
  }
  if (open.has(pathname)) return undefined
  if (bearer !== undefined && !bearer(request.headers.authorization)) {
    const answer = problem(
      401,
      `send the token of --http-token-file or ${tokenVariable} as: Authorization: Bearer …`,
    )
    return { ...answer, headers: { 'www-authenticate': 'Bearer realm="mandate"' } }
  }
  if (bearer === undefined && isLocal && !namesLoopback(request.headers.host)) {
    // A page in a browser on this machine could make its own name point here, and read the answers (DNS rebinding).
    return problem(403, 'without a token only requests for localhost, 127.0.0.1 or [::1] are answered')
  }
  return undefined
}

function namesLoopback(host: string | undefined): boolean {
  // HTTP/1.0, as HAProxy's plain check: no browser speaks it.
  if (host === undefined) return true
  const name = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host)
  return isLoopback(name?.[1] ?? name?.[2] ?? '')
}

function split(url: string): { readonly pathname: string; readonly keys: readonly string[] } {
  const at = url.indexOf('?')
  const pathname = normal(at === -1 ? url : url.slice(0, at))
  const query = at === -1 ? '' : url.slice(at + 1)
  return { pathname, keys: query.split('&').map((pair) => pair.split('=')[0] ?? '') }
}

/** A client may encode more of a name than it must, or less. */
function normal(path: string): string {
  try {
    return path
      .split('/')
      .map((segment) => encodeURIComponent(decodeURIComponent(segment)))
      .join('/')
  } catch {
    return path
  }
}

function notFound(pathname: string, known: readonly string[]): Answer {
  return problem(404, `there is no ${pathname.slice(0, 200)}; there are ${known.join(', ')}`)
}

function problem(status: number, error: string): Answer {
  return { status, body: `${JSON.stringify({ ...envelope({}), error })}\n` }
}

function json(status: number, value: object): Answer {
  return { status, body: `${JSON.stringify(envelope(value))}\n` }
}

/** As every machine-readable answer (INTERFACES §3). */
export function envelope(value: object): object {
  return { schemaVersion: 1, command: 'serve', version, ...value }
}
