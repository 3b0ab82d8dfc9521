/** What the guard of etcd sends, and how often; what etcd makes of it is in `test/servers/etcd/fencing.test.ts`. */
import { expect, it } from 'vitest'
import { etcdGuard } from './etcd-guard.ts'

const fence = { token: 7n, scope: '1', election: 'billing' }
const key = Buffer.from('billing/a1').toString('base64')
const found = { header: { cluster_id: '1' }, kvs: [{ key }] }

/** Two endpoints; `transacts` answers what the first of them makes of a transaction. */
function guardWith(transacts: () => Response | Promise<Response>) {
  const sent: string[] = []
  const answer = async (url: string | URL | Request): Promise<Response> => {
    const { host, pathname } = new URL(url instanceof Request ? url.url : url)
    sent.push(`${host}${pathname}`)
    if (pathname === '/v3/kv/range') return Response.json(found)
    return host === 'one:2379' ? transacts() : Response.json({ header: { revision: '9' }, succeeded: true })
  }
  const guard = etcdGuard({ endpoints: ['http://one:2379', 'http://two:2379/'], fetch: answer })
  return { guard, sent, write: () => guard.write(fence, [{ put: 'last', value: '1' }]) }
}

function broken(code: string): () => never {
  return () => {
    throw new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) })
  }
}

it('sends a write to another endpoint when the first takes no connection', async () => {
  const { write, sent } = guardWith(broken('ECONNREFUSED'))
  expect(await write()).toEqual({ revision: 9n })
  expect(sent).toEqual(['one:2379/v3/kv/range', 'one:2379/v3/kv/txn', 'two:2379/v3/kv/txn'])
})

it.each([
  ['the connection breaks', broken('ECONNRESET')],
  ['the server gives up', () => new Response('etcdserver: request timed out', { status: 503 })],
])('never sends twice what may have been written: when %s', async (_, transacts) => {
  const { write, sent } = guardWith(transacts)
  await expect(write()).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
  expect(sent).toEqual(['one:2379/v3/kv/range', 'one:2379/v3/kv/txn'])
  // Whoever asks again does so elsewhere.
  expect(await write()).toEqual({ revision: 9n })
})

it('takes a token from before its base for an old one, and asks nobody', async () => {
  const sent: string[] = []
  const answer = (): Promise<Response> => {
    sent.push('asked')
    return Promise.resolve(Response.json(found))
  }
  const guard = etcdGuard({ endpoints: ['http://one:2379'], tokenBase: 7n, fetch: answer })
  // As a create revision, 0 would mean any in a range, and none in a comparison: a key that is gone.
  await expect(guard.condition(fence)).rejects.toMatchObject({ code: 'LEADERSHIP_LOST' })
  await expect(guard.condition({ ...fence, token: 6n })).rejects.toMatchObject({ code: 'LEADERSHIP_LOST' })
  expect(sent).toEqual([])
})

it.each(['http://one:65536', 'http://user:secret@one:2379', 'one:2379', 'http://one:2379/v3'])(
  '%s is no endpoint, and is not repeated in the error',
  (endpoint) => {
    const make = () => etcdGuard({ endpoints: [endpoint] })
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }))
    expect(make).not.toThrow(/secret/)
  },
)
