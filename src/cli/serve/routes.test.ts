/** The answers, over real connections: what is asked and what comes back. */
import { request as httpRequest } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Leadership } from '../../index.ts'
import { systemClock } from '../../system/clock.ts'
import { bearerCheck } from './bearer.ts'
import { ServedCandidate } from './candidate.ts'
import { ElectionView } from './election-view.ts'
import { EventStreams } from './event-streams.ts'
import { httpLimits, startHttpServer } from './http-server.ts'
import type { HttpLimits } from './http-server.ts'
import { envelope, router } from './routes.ts'
import type { RouteOptions } from './routes.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

/** A leadership whose deadline is the test's. */
function held(remainingMs: () => number): Leadership {
  const lost = new Promise<never>(() => undefined)
  const leadership = { token: 7n, tokenScope: 's', isValid: () => remainingMs() > 0, remainingMs, lost }
  return leadership as unknown as Leadership
}

interface Given extends Partial<Omit<RouteOptions, 'streams'>> {
  readonly limits?: Partial<HttpLimits>
  readonly streams?: number
  readonly keepAliveMs?: number
}

async function serving({ limits, streams: max = 2, keepAliveMs = 60_000, ...given }: Given = {}) {
  const candidate = new ServedCandidate({
    id: 'a',
    validForMs: 1000,
    maxClockDrift: 0.001,
    clock: systemClock(),
    changed: () => undefined,
  })
  const view = new ElectionView({
    election: 'nightly report',
    exclusivity: 'time',
    metadata: { url: 'x' },
    candidate,
  })
  const streams = new EventStreams({ max, keepAliveMs })
  const answer = router({
    view,
    streams,
    bearer: undefined,
    isLocal: true,
    compat: undefined,
    live: () => undefined,
    ready: () => undefined,
    metrics: () => 'up 1\n',
    failed: () => undefined,
    counted: () => undefined,
    ...given,
  })
  const server = await startHttpServer(
    { host: '127.0.0.1', port: 0 },
    { answer, failed: () => undefined },
    { ...httpLimits, ...limits },
  )
  ends.push(() => {
    streams.close()
    return server.close()
  })
  return { server, candidate, view, streams, ask: (path: string, o: Ask = {}) => ask(server.url, path, o) }
}

interface Ask {
  readonly method?: string
  readonly headers?: Record<string, string>
}

interface Got {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly json: Record<string, unknown>
}

function ask(url: string, path: string, { method = 'GET', headers = {} }: Ask): Promise<Got> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${url}${path}`, { method, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('end', () => {
        const json = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {}
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json })
      })
    })
    request.on('error', reject).end()
  })
}

/** What comes over a bare connection. */
function raw(port: number): { readonly socket: Socket; text(): string; readonly closed: Promise<void> } {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  socket.on('error', () => undefined)
  ends.push(() => socket.destroy())
  return { socket, text: () => text, closed: new Promise((resolve) => socket.once('close', () => resolve())) }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < 20_000; waitedMs += 5) {
    if (condition()) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`waited in vain for ${what}`)
}

describe('GET /leader', () => {
  it('is 503 for who waits, 200 for who leads, and 503 again the instant its deadline has passed', async () => {
    const { candidate, view, ask: get } = await serving()
    expect(await get('/leader')).toMatchObject({ status: 503, json: { state: 'unknown', leader: null } })
    view.observe({ type: 'vacant' })
    expect((await get('/leader')).json).toMatchObject({
      state: 'vacant',
      candidate: { leads: false, validForMs: null },
    })
    let remainingMs = 400.7
    void candidate.work(held(() => remainingMs))
    expect(await get('/leader')).toMatchObject({
      status: 200,
      headers: { 'cache-control': 'no-store' },
      json: {
        schemaVersion: 1,
        command: 'serve',
        election: 'nightly report',
        state: 'led',
        leader: { id: 'a', token: '7', scope: 's', metadata: { url: 'x' } },
        candidate: { id: 'a', leads: true, token: '7', validForMs: 399 },
      },
    })
    expect(await get('/leader', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' })
    remainingMs = 0
    expect(await get('/leader')).toMatchObject({
      status: 503,
      json: { candidate: { leads: false, token: null } },
    })
  })

  it('never answers ahead: a request sent before the answer to another costs its connection', async () => {
    const { server, candidate } = await serving()
    void candidate.work(held(() => 1000))
    const pipelined = raw(server.address.port)
    const one = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`
    pipelined.socket.write(one('/v1/elections/nightly%20report/events') + one('/leader'))
    await pipelined.closed
    expect(pipelined.text()).not.toContain('"leads"')
  })
})

describe('the election', () => {
  it('is shown by its name, however that is encoded, and no other is', async () => {
    const { view, ask: get } = await serving()
    view.observe({ type: 'unknown', since: 0, cause: new Error('no route to the arbiter') })
    for (const name of ['nightly%20report', 'nightly%20%72eport']) {
      const { status, json } = await get(`/v1/elections/${name}`)
      expect(status).toBe(200)
      expect(json).toMatchObject({ state: 'unknown', reason: 'no route to the arbiter' })
    }
    const other = await get('/v1/elections/other')
    expect(other.status).toBe(404)
    expect(other.json['error']).toContain('/v1/elections/nightly%20report')
  })

  it('does not call this candidate the leader because the arbiter still does', async () => {
    const { view, ask: get } = await serving({ compat: 'leader-elector' })
    const leader = { id: 'a', token: 3n, tokenScope: 's', metadata: {}, toJSON: () => ({}) as never }
    view.observe({ type: 'led', leader })
    expect((await get('/v1/elections/nightly%20report')).json).toMatchObject({
      state: 'unknown',
      leader: null,
    })
    expect((await get('/')).text).toBe('{"name":""}')
    view.observe({ type: 'led', leader: { ...leader, id: 'b' } })
    expect((await get('/')).text).toBe('{"name":"b"}')
    expect((await get('/isLeader')).text).toBe('{"isLeader": false}')
  })

  it('counts every answer upon which somebody may act as a permit, and no other', async () => {
    const { candidate, ask: get } = await serving({ compat: 'leader-elector' })
    void candidate.work(held(() => 1000))
    const permit = vi.spyOn(candidate, 'permit')
    for (const path of ['/metrics', '/livez', '/readyz', '/nowhere']) await get(path)
    expect(permit).not.toHaveBeenCalled()
    for (const path of ['/leader', '/v1/elections/nightly%20report', '/', '/isLeader']) await get(path)
    expect(permit).toHaveBeenCalledTimes(4)
  })

  it('is streamed: the present state, then changes; one that is told of is no permit', async () => {
    const { server, view, streams, candidate } = await serving()
    void candidate.work(held(() => 1000))
    const { socket, text } = raw(server.address.port)
    socket.write('GET /v1/elections/nightly%20report/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await until(() => text().includes('"leads":true'), 'the first state')
    expect(text()).toContain('content-type: text/event-stream')
    expect(text()).toContain('"validForMs":null')
    view.observe({ type: 'vacant' })
    candidate.stopAnswering()
    streams.tell(envelope(view.news()))
    await until(() => text().includes('"state":"vacant"'), 'the change')
    expect(text()).toMatch(/event: state\nid: 2\ndata: \{"schemaVersion":1/)
  })

  it('has only so many streams, and one that nobody reads is let go', async () => {
    const { server, streams, view, ask: get } = await serving({ streams: 1, keepAliveMs: 50 })
    const slow = raw(server.address.port)
    slow.socket.pause()
    slow.socket.write('GET /v1/elections/nightly%20report/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await until(() => streams.count === 1, 'the stream')
    expect((await get('/v1/elections/nightly%20report/events')).status).toBe(503)
    const long = { ...view.news(), reason: 'x'.repeat(100_000) }
    await until(() => {
      streams.tell(long)
      return streams.count === 0
    }, 'the end of the stream that is not read')
  })
})

describe('who may ask', () => {
  const token = 'f'.repeat(32)
  const bearer = bearerCheck({
    file: undefined,
    env: { MANDATE_HTTP_TOKEN: token },
    cwd: '/',
    nowMs: () => 0,
  })

  it('has to bring the token, except for the probes, which then say one word', async () => {
    const live = (): string => 'the secret reason'
    const { ask: get } = await serving({ bearer, isLocal: false, live })
    const refused = await get('/leader')
    expect(refused).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer realm="mandate"' } })
    expect((await get('/metrics', { headers: { authorization: 'Bearer wrong' } })).status).toBe(401)
    const authorization = `Bearer ${token}`
    expect((await get('/metrics', { headers: { authorization } })).text).toBe('up 1\n')
    expect(await get('/readyz')).toMatchObject({ status: 200, text: 'ok\n' })
    expect(await get('/livez')).toMatchObject({ status: 503, text: 'not ok\n' })
    expect((await get('/livez', { headers: { authorization } })).text).toContain('the secret reason')
  })

  it('is told that a token does not belong into an address', async () => {
    const { ask: get } = await serving({ bearer, isLocal: false })
    const refused = await get(`/leader?access_token=${token}`)
    expect(refused.status).toBe(400)
    expect(refused.text).not.toContain(token)
  })

  it('is no page of another origin that made its name point here', async () => {
    const { ask: get } = await serving()
    expect((await get('/leader', { headers: { host: 'evil.example:4040' } })).status).toBe(403)
    expect((await get('/leader', { headers: { host: '127.0.0.1.evil.example' } })).status).toBe(403)
    expect((await get('/leader', { headers: { host: '[::1]:4040' } })).status).toBe(503)
  })

  it('reads only', async () => {
    const { ask: get } = await serving()
    const refused = await get('/leader', { method: 'POST' })
    expect(refused).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
  })
})

it('a defect in an answer is told and answered, and ends nothing', async () => {
  const told: unknown[] = []
  const metrics = (): string => {
    throw new Error('no page')
  }
  const { ask: get } = await serving({ metrics, failed: (error) => void told.push(error) })
  expect((await get('/metrics')).status).toBe(500)
  expect(told).toEqual([new Error('no page')])
  expect((await get('/readyz')).status).toBe(200)
})

describe('limits', () => {
  it('a head that is too large is refused, and one that never ends is cut off', async () => {
    const { server } = await serving({ limits: { headerBytes: 2048, requestMs: 100 } })
    const large = raw(server.address.port)
    large.socket.write(`GET /leader HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(4000)}\r\n\r\n`)
    await large.closed
    expect(large.text()).toContain('431')
    const slow = raw(server.address.port)
    slow.socket.write('GET /leader HTTP/1.1\r\n')
    await slow.closed
    expect(slow.text()).not.toContain('200')
  })

  it('a crowd of idle connections keeps nobody out', async () => {
    const { server, ask: get } = await serving({ limits: { connections: 8 } })
    const crowd = Array.from({ length: 30 }, () => raw(server.address.port))
    await until(() => server.connections === 8, 'the crowd')
    for (let count = 0; count < 5; count++) expect((await get('/readyz')).status).toBe(200)
    expect(server.connections).toBeLessThanOrEqual(8)
    await crowd[0]?.closed
  })

  it('a body that nobody wants ends the connection', async () => {
    const { server } = await serving()
    const sender = raw(server.address.port)
    sender.socket.write('GET /readyz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\nxxxx')
    await sender.closed
    expect(sender.text()).toContain('connection: close')
  })
})
