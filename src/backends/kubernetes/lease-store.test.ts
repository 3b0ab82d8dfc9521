import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { apiClient } from './api-client.ts'
import { KubernetesLeases } from './lease-store.ts'
import { LeaseRequests } from './lease-requests.ts'
import { lockFormats, type KubernetesObject } from './lock-format.ts'
import type { BackgroundFailure, LeaseRecord } from '../backend.ts'
import { systemClock } from '../../system/clock.ts'
import { systemRandom } from '../../system/random.ts'

type Answer = (request: IncomingMessage & { readonly text: string }, response: ServerResponse) => void

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

/** An API server that answers as the test says: for what a real one will not do on demand. */
async function scripted(answer: Answer) {
  const asked: string[] = []
  const server: Server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => {
      asked.push(`${request.method} ${request.url?.replace(/^.*leases/, '')}`)
      answer(Object.assign(request, { text }), response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const failures: BackgroundFailure[] = []
  const client = apiClient({
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    namespace: 'jobs',
    authorities: () => undefined,
    skipVerification: false,
    credentials: ({ renew }) => Promise.resolve({ authorization: renew ? 'Bearer fresh' : 'Bearer old' }),
  })
  const clock = systemClock()
  const format = lockFormats.lease
  const store = new KubernetesLeases({
    requests: new LeaseRequests({
      client,
      clock,
      format,
      server: 'test',
      namespace: 'jobs',
      patienceMs: 15_000,
    }),
    env: { clock, random: systemRandom(), report: (failure) => void failures.push(failure) },
    format,
    leaseOf: (election) => election,
    scope: 'scope',
    tokenBase: 1000n,
    leaseMs: 15_000,
    retryMs: 20,
  })
  ends.push(
    () => client.close(),
    () => {
      server.closeAllConnections()
      server.close()
    },
  )
  return { store, asked, failures }
}

const json = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

const lease = (version: string, spec: Record<string, unknown>): KubernetesObject => ({
  metadata: { name: 'billing', uid: 'u1', resourceVersion: version },
  spec,
})

const held = (version: string, renewTime = '2026-11-23T09:00:00.000000Z'): KubernetesObject =>
  lease(version, {
    holderIdentity: 'other',
    leaseDurationSeconds: 15,
    leaseTransitions: 3,
    acquireTime: '2026-11-23T08:00:00.000000Z',
    renewTime,
  })

const ourRecord: LeaseRecord = {
  holder: 'me',
  incarnation: 'i1',
  leaseMs: 15_000,
  transitions: 1,
  exclusivity: 'time',
  metadata: {},
}

describe('the token of a leadership', () => {
  it('is the resourceVersion of the write that acquired it, with the base, and stays through renewals', async () => {
    let version = 40
    const { store } = await scripted((request, response) => {
      if (request.method === 'GET') return json(response, 404, {})
      version++
      const body = JSON.parse(request.text) as KubernetesObject
      json(response, 200, {
        ...body,
        metadata: { ...body.metadata, uid: 'u1', resourceVersion: String(version) },
      })
    })
    expect(await store.read('billing', {})).toEqual({ record: null, version: null, token: 0n })
    expect(await store.write('billing', ourRecord, null, {})).toEqual({
      is: 'applied',
      version: '41',
      token: 1041n,
    })
    expect(await store.write('billing', ourRecord, '41', {})).toEqual({
      is: 'applied',
      version: '42',
      token: 1041n,
    })
    const next = { ...ourRecord, transitions: 2 }
    expect(await store.write('billing', next, '42', {})).toEqual({
      is: 'applied',
      version: '43',
      token: 1043n,
    })
  })

  it('of a foreign holder is the version that first showed it, and stays', async () => {
    let version = 70
    const { store } = await scripted((_, response) => json(response, 200, held(String(version++))))
    expect((await store.read('billing', {})).token).toBe(1070n)
    expect(await store.read('billing', {})).toMatchObject({ version: '71', token: 1070n })
  })
})

describe('a write', () => {
  it('on a version that is not the newest known is a conflict without asking', async () => {
    const { store, asked } = await scripted((_, response) => json(response, 200, held('5')))
    await store.read('billing', {})
    expect(await store.write('billing', ourRecord, '4', {})).toEqual({ is: 'conflict' })
    expect(asked).toEqual(['GET /billing'])
  })

  it.each([
    [409, 'conflict', undefined],
    [404, 'conflict', undefined],
    [401, 'rejected', 'UNAUTHORIZED'],
    [403, 'rejected', 'FORBIDDEN'],
    [422, 'rejected', 'INVALID_OPTIONS'],
    [429, 'rejected', 'BACKEND_UNAVAILABLE'],
    [500, 'unknown', 'BACKEND_UNAVAILABLE'],
    [503, 'unknown', 'BACKEND_UNAVAILABLE'],
  ])('that is answered with %i is %s', async (status, is, code) => {
    const { store } = await scripted((request, response) =>
      request.method === 'GET'
        ? json(response, 200, held('5'))
        : json(response, status, { reason: 'Because' }),
    )
    await store.read('billing', {})
    expect(await store.write('billing', ourRecord, '5', {})).toMatchObject(
      code === undefined ? { is } : { is, error: { code } },
    )
  })

  it('that changed nothing is no renewal: whoever waits for silence has not heard it', async () => {
    const { store } = await scripted((request, response) =>
      json(response, 200, request.method === 'GET' ? held('5') : JSON.parse(request.text)),
    )
    await store.read('billing', {})
    expect(await store.write('billing', ourRecord, '5', {})).toMatchObject({
      is: 'rejected',
      error: { code: 'PROTOCOL_ERROR' },
    })
  })

  it('whose answer never comes may have landed', async () => {
    const { store } = await scripted((request, response) =>
      request.method === 'GET' ? json(response, 200, held('5')) : response.destroy(),
    )
    await store.read('billing', {})
    expect(await store.write('billing', ourRecord, '5', {})).toMatchObject({ is: 'unknown' })
  })

  it('that is forbidden says which Role would allow it', async () => {
    const { store } = await scripted((_, response) => json(response, 403, { message: 'no' }))
    await expect(store.read('billing', {})).rejects.toThrow(
      /kind: Role[^]*namespace: jobs[^]*resourceNames: \['billing'\]/,
    )
  })
})

describe('Retry-After', () => {
  it('is waited out before the next request, and no longer than the caller waits', async () => {
    let now = performance.now()
    const gaps: number[] = []
    const { store } = await scripted((_, response) => {
      gaps.push(performance.now() - now)
      now = performance.now()
      if (gaps.length === 1) json(response, 429, {}, { 'retry-after': '1' })
      else if (gaps.length === 2) json(response, 503, {}, { 'retry-after': '3600' })
      else json(response, 200, held('5'))
    })
    await expect(store.read('billing', {})).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
    await expect(store.read('billing', {})).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
    expect(gaps[1]).toBeGreaterThanOrEqual(990)
    const given = AbortSignal.timeout(50)
    await expect(store.read('billing', { signal: given })).rejects.toBeDefined()
    expect(gaps).toHaveLength(2)
  })
})

describe('credentials', () => {
  it('that were refused are renewed once, and the request is made again', async () => {
    const { store, asked } = await scripted((request, response) =>
      request.headers.authorization === 'Bearer fresh'
        ? json(response, 200, held('5'))
        : json(response, 401, {}),
    )
    expect((await store.read('billing', {})).version).toBe('5')
    expect(asked).toEqual(['GET /billing', 'GET /billing'])
  })
})

describe('a Lease that is deleted', () => {
  it('frees nobody: the record that was seen stays until its lease ran out, and is written anew', async () => {
    let isThere = true
    const { store, asked } = await scripted((request, response) => {
      if (request.method === 'POST') return json(response, 201, lease('9', { holderIdentity: 'me' }))
      return isThere ? json(response, 200, held('5')) : json(response, 404, {})
    })
    await store.read('billing', {})
    isThere = false
    expect(await store.read('billing', {})).toMatchObject({
      record: { holder: 'other' },
      version: null,
      token: 1005n,
    })
    expect(await store.write('billing', { ...ourRecord, transitions: 5 }, null, {})).toMatchObject({
      is: 'applied',
      token: 1009n,
    })
    expect(asked.at(-1)).toBe('POST ')
  })
})

describe('a watch', () => {
  const line = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`

  it('tells what it delivered once, and nothing of what is known', async () => {
    const open: ServerResponse[] = []
    const { store, asked } = await scripted((request, response) => {
      if (!request.url?.includes('watch=true')) return json(response, 200, held('5'))
      response.writeHead(200).flushHeaders()
      open.push(response)
    })
    await store.read('billing', {})
    const controller = new AbortController()
    const told: unknown[] = []
    const watching = store.watch('billing', '5', (seen) => told.push(seen?.version), {
      signal: controller.signal,
    })
    await expect.poll(() => open.length).toBe(1)
    open[0]?.write(line('MODIFIED', held('5')) + line('BOOKMARK', { metadata: { resourceVersion: '6' } }))
    const event = line('MODIFIED', held('7', '2026-11-23T09:00:05.000000Z'))
    open[0]?.write(event.slice(0, 40))
    open[0]?.write(event.slice(40))
    await expect.poll(() => told).toEqual(['7'])
    expect(asked.filter((each) => each === 'GET /billing')).toHaveLength(1)
    controller.abort()
    await expect(watching).rejects.toBeDefined()
  })

  it('goes on where it stopped, and begins anew where the server forgot', async () => {
    const from: (string | null)[] = []
    const { store } = await scripted((request, response) => {
      from.push(new URL(request.url ?? '', 'http://x').searchParams.get('resourceVersion'))
      response.writeHead(200)
      if (from.length === 1) response.end(line('MODIFIED', held('7')))
      else if (from.length === 2) response.end(line('ERROR', { code: 410 }))
      else response.flushHeaders()
    })
    const controller = new AbortController()
    let hints = 0
    const watching = store.watch('billing', '5', () => hints++, { signal: controller.signal })
    await expect.poll(() => from).toEqual(['5', '7', null])
    expect(hints).toBe(2)
    controller.abort()
    await expect(watching).rejects.toBeDefined()
  })

  it('that is ended at once, again and again, is no watch: it is tried more and more seldom', async () => {
    const { store, asked } = await scripted((_, response) => response.writeHead(200).end())
    const controller = new AbortController()
    let hints = 0
    const watching = store.watch('billing', '5', () => hints++, { signal: controller.signal })
    await expect.poll(() => hints).toBeGreaterThan(3)
    // Each time it may have missed something.
    expect(asked.length).toBeLessThanOrEqual(hints + 1)
    controller.abort()
    await expect(watching).rejects.toBeDefined()
  })

  it('that is forbidden says so once, and becomes a poll', async () => {
    const { store, failures } = await scripted((_, response) => json(response, 403, {}))
    const controller = new AbortController()
    let hints = 0
    const watching = store.watch('billing', '5', () => hints++, { signal: controller.signal })
    await expect.poll(() => hints).toBeGreaterThan(3)
    expect(failures).toMatchObject([{ during: 'watch of lease billing', error: { code: 'FORBIDDEN' } }])
    controller.abort()
    await expect(watching).rejects.toBeDefined()
  })
})
