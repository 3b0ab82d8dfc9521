/** What the guard of Consul sends; what Consul makes of it is in `test/servers/consul/guard.test.ts`. */
import { expect, it } from 'vitest'
import { consulGuard } from './consul-guard.ts'
import { encodeLockValue } from './consul/lock-value.ts'

const value = encodeLockValue({ id: 'a', metadata: {}, session: 's1', index: 9_007_199_254_740_993n })
const entry = { Session: 's1', ModifyIndex: 12, Value: Buffer.from(value).toString('base64') }

function guardWith(options: { readonly datacenter?: string; readonly namespace?: string } = {}) {
  const sent: string[] = []
  const answer = (url: string | URL | Request): Promise<Response> => {
    const { pathname, search } = new URL(url instanceof Request ? url.url : url)
    sent.push(`${pathname}${search}`)
    if (pathname === '/v1/agent/self')
      return Promise.resolve(Response.json({ Config: { Datacenter: 'dc1' } }))
    return Promise.resolve(pathname === '/v1/txn' ? Response.json({}) : Response.json([entry]))
  }
  const guard = consulGuard({ url: 'http://agent:8500', token: 't', fetch: answer, ...options })
  const write = (token: bigint, scope: string) =>
    guard.write({ token, scope, election: 'billing' }, [{ verb: 'set', key: 'last', value: '1' }])
  return { sent, write }
}

it('asks the datacentre and the namespace in which the election is', async () => {
  const { sent, write } = guardWith({ datacenter: 'eu', namespace: 'team' })
  expect(await write(9_007_199_254_740_993n, 'consul:eu')).toEqual({ is: 'written' })
  expect(sent).toEqual(['/v1/kv/billing/.lock?consistent=&dc=eu&ns=team', '/v1/txn?dc=eu&ns=team'])
})

it('tells tokens above 2^53 apart', async () => {
  const { write } = guardWith()
  await expect(write(9_007_199_254_740_992n, 'consul:dc1')).rejects.toMatchObject({ code: 'LEADERSHIP_LOST' })
  expect(await write(9_007_199_254_740_993n, 'consul:dc1')).toEqual({ is: 'written' })
})

it.each(['http://agent:65536', 'http://user:secret@agent:8500', 'agent:8500', 'http://agent/v1'])(
  '%s is no address, and is not repeated in the error',
  (url) => {
    expect(() => consulGuard({ url })).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }))
    expect(() => consulGuard({ url })).not.toThrow(/secret/)
  },
)
