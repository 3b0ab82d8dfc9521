/** What Consul refuses is told as what it is: which right is missing, which token is unknown, who does not answer. */
import { createServer, type AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Backend } from '../../../src/backends/backend.ts'
import { consul } from '../../../src/backends/consul.ts'
import type { ConsulOptions } from '../../../src/backends/consul.ts'
import { createElection } from '../../../src/election/election.ts'
import { refusal } from '../../integration/loopback.ts'
import { ConsulServers } from '../consul.ts'
import { FaultProxy } from '../proxy.ts'

const master = '5e0dcd54-0000-4000-8000-00000000cafe'
let servers: ConsulServers
const backends: Backend[] = []

beforeAll(async () => {
  servers = await ConsulServers.start({ masterToken: master })
})
afterEach(() => Promise.all(backends.splice(0).map((backend) => backend.close())))
afterAll(() => servers.close())

/** A token with these rules. */
async function tokenWith(rules: string): Promise<string> {
  const name = `p${backends.length}-${Math.random().toString(36).slice(2)}`
  await servers.first.put('/v1/acl/policy', JSON.stringify({ Name: name, Rules: rules }))
  const made = await servers.first.put('/v1/acl/token', JSON.stringify({ Policies: [{ Name: name }] }))
  return (made as { SecretID: string }).SecretID
}

function electionWith(options: ConsulOptions) {
  const backend = consul({
    address: servers.first.address,
    prefix: 'leaders',
    onBackgroundFailure: () => undefined,
    ...options,
  })
  backends.push(backend)
  return createElection({ name: 'billing', backend })
}

const session = 'session_prefix "" { policy = "write" }'
const keys = 'key_prefix "leaders/" { policy = "write" }'
const agent = 'agent_prefix "" { policy = "read" }'
const service = 'service "mandate" { policy = "write" }'

describe('with ACLs', () => {
  it('the rights of the page are enough, with a check too', async () => {
    const token = await tokenWith([session, keys, agent, service].join('\n'))
    for (const checkMs of [undefined, 2000]) {
      const leadership = await electionWith({ token, checkMs }).campaign()
      expect(leadership.tokenScope).toBe('consul:dc1')
      await leadership.resign()
    }
  })

  it.each([
    ['sessions', [keys, agent], {}, /session_prefix "" \{ policy = "write" \}/],
    ['the key', [session, agent], {}, /key_prefix "leaders\/billing\/.lock" \{ policy = "(read|write)" \}/],
    [
      'the key for writing',
      [session, agent, 'key_prefix "leaders/" { policy = "read" }'],
      {},
      /policy = "write"/,
    ],
    ['the agent', [session, keys], {}, /agent_prefix "" \{ policy = "read" \}, or the option `datacenter`/],
    ['the check', [session, keys, agent], { checkMs: 2000 }, /service "mandate" \{ policy = "write" \}/],
  ])('a missing right to %s is FORBIDDEN, and named', async (_, rules, options, message) => {
    const token = await tokenWith(rules.join('\n'))
    const error = await refusal(() => electionWith({ token, ...options }).campaign())
    expect(error.code).toBe('FORBIDDEN')
    expect(error.message).toMatch(message)
    expect(error.message).not.toContain(token)
  })

  it('without the right to ask the agent, the datacentre may be said', async () => {
    const token = await tokenWith([session, keys].join('\n'))
    const leadership = await electionWith({ token, datacenter: 'dc1' }).campaign()
    expect(leadership.tokenScope).toBe('consul:dc1')
  })

  it('an unknown token is UNAUTHORIZED', async () => {
    const error = await refusal(() =>
      electionWith({ token: '00000000-0000-4000-8000-000000000000' }).campaign(),
    )
    expect(error.code).toBe('UNAUTHORIZED')
    expect(error.message).toContain('CONSUL_HTTP_TOKEN')
  })

  it('an observer without rights is told that it knows nothing, not that nobody leads', async () => {
    const token = await tokenWith(agent)
    const election = electionWith({ token })
    expect((await refusal(() => election.current())).code).toBe('FORBIDDEN')
    for await (const state of election.observe()) {
      expect(state).toMatchObject({ type: 'unknown', cause: { code: 'FORBIDDEN' } })
      break
    }
  })
})

describe('at a wrong address', () => {
  it('nobody listens: BACKEND_UNAVAILABLE, at once', async () => {
    const error = await refusal(() => electionWith({ address: '127.0.0.1:1' }).campaign())
    expect(error.code).toBe('BACKEND_UNAVAILABLE')
    expect(error.message).toContain('http://127.0.0.1:1')
  })

  it('nobody answers: BACKEND_UNAVAILABLE, in seconds', async () => {
    const proxy = await FaultProxy.to(servers.first.address)
    proxy.blackHole()
    const error = await refusal(() => electionWith({ address: proxy.address }).campaign())
    await proxy.close()
    expect(error.code).toBe('BACKEND_UNAVAILABLE')
  })

  it('something else answers: an error that shows its words', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
    const error = await refusal(() => electionWith({ address }).campaign())
    server.close()
    expect(error.code).toBe('PROTOCOL_ERROR')
    expect(error.message).toContain('hello')
  })

  it('a datacentre that Consul does not know is told by name', async () => {
    const error = await refusal(() => electionWith({ token: master, datacenter: 'dc9' }).campaign())
    expect(error.message).toContain('No path to datacenter')
  })

  it('a namespace in a Consul without them is INVALID_OPTIONS', async () => {
    const error = await refusal(() => electionWith({ token: master, namespace: 'team' }).campaign())
    expect(error.code).toBe('INVALID_OPTIONS')
    expect(error.message).toContain('Enterprise')
  })
})
