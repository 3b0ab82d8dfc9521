import { afterEach, describe, expect, test, vi } from 'vitest'
import { backendFrom } from '../backend-from.ts'
import type { EtcdDescription } from '../description.ts'
import { fromObject, parse, problemsOf } from '../../testing/backend-descriptions.ts'

afterEach(() => vi.unstubAllEnvs())

describe('etcd://', () => {
  test('servers, a prefix and keys', () => {
    expect(parse('etcd://h1,h2:22379,[::1]/team/jobs?ttl=5s&layout=etcd3&user=app&token-base=7')).toEqual({
      type: 'etcd',
      endpoints: ['h1:2379', 'h2:22379', '[::1]:2379'],
      prefix: 'team/jobs',
      ttlMs: 5000,
      layout: 'etcd3',
      user: 'app',
      tokenBase: '7',
    } satisfies EtcdDescription)
  })

  test('TLS, by what Node trusts or by files that count from the base', () => {
    expect(parse('etcd://h?tls=true')).toMatchObject({ tls: true })
    expect(parse('etcd://h?tls-ca=ca.pem&tls-cert=c.pem&tls-key=/k.pem')).toMatchObject({
      tls: { caFile: '/base/ca.pem', certFile: '/base/c.pem', keyFile: '/k.pem' },
    })
  })

  test.each([
    ['etcd://', 'names no server'],
    ['etcd://a@h', 'only raft, paxos and bully'],
    ['etcd://h?ttl=5', "'5' has no unit"],
    ['etcd://h?ttl=300ms', '1s is the shortest'],
    ['etcd://h?layout=java', 'use go or etcd3'],
    ['etcd://h?tls-cert=c.pem', 'given together'],
    ['etcd://h?tls=false&tls-ca=c.pem', 'tls is false'],
    ['etcd://h/prefix/', 'ends in a slash'],
    ['etcd://h?token-base=x', 'whole number'],
    ['etcd://h?nope=1', 'known: ttl, user, layout'],
    ['etcd://h?password=hunter2', "'password' is a secret"],
  ])('%s is refused', (url, problem) => {
    expect(problemsOf(url)).toContain(problem)
    expect(problemsOf(url)).not.toContain('hunter2')
  })
})

describe('{ type: etcd }', () => {
  test('means what the URL means', () => {
    const object = {
      type: 'etcd',
      endpoints: ['h1', 'h2:1'],
      prefix: 'p',
      ttl: '5s',
      user: 'app',
      tls: { caFile: 'ca' },
    }
    expect(fromObject(object)).toEqual({
      problems: [],
      description: parse('etcd://h1,h2:1/p?ttl=5s&user=app&tls-ca=ca'),
    })
  })

  test('tells all problems at once', () => {
    const { problems } = fromObject({
      type: 'etcd',
      endpoints: [7],
      ttl: 5,
      layout: 'x',
      tls: 'yes',
      password: 'p',
    })
    expect(problems).toHaveLength(5)
  })
})

describe('the password', () => {
  test('comes from the environment, and its absence is told', async () => {
    const context = { onBackgroundFailure: () => undefined, warn: () => undefined }
    const description = parse('etcd://h?user=app')
    vi.stubEnv('MANDATE_ETCD_PASSWORD', undefined)
    await expect(backendFrom(description, context)).rejects.toThrow('MANDATE_ETCD_PASSWORD')
    vi.stubEnv('MANDATE_ETCD_PASSWORD', 'secret')
    const backend = await backendFrom(description, context)
    expect(backend.facts.tokenSource).toBe('etcd create revision')
    await backend.close()
  })
})
