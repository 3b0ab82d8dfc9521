import { afterEach, describe, expect, test, vi } from 'vitest'
import { backendFrom } from '../backend-from.ts'
import type { ZooKeeperDescription } from '../description.ts'
import { fromObject, parse, problemsOf } from '../../testing/backend-descriptions.ts'

afterEach(() => vi.unstubAllEnvs())

describe('zk://', () => {
  test('servers, a chroot and keys, also as zookeeper://', () => {
    const rest = 'h1,h2:22181,[::1]/team/jobs?session=6s&dialect=kazoo&tick=2s&acl=open&token-base=7'
    expect(parse(`zk://${rest}`)).toEqual({
      type: 'zookeeper',
      servers: ['h1:2181', 'h2:22181', '[::1]:2181'],
      chroot: '/team/jobs',
      dialect: 'kazoo',
      sessionMs: 6000,
      serverTickMs: 2000,
      acl: 'open',
      tokenBase: '7',
    } satisfies ZooKeeperDescription)
    expect(parse(`zookeeper://${rest}`)).toEqual(parse(`zk://${rest}`))
  })

  test('needs nothing but a server', () => {
    expect(parse('zk://h')).toEqual({ type: 'zookeeper', servers: ['h:2181'] })
  })

  test.each([
    ['zk://', 'names no server'],
    ['zk://a@h', 'only raft, paxos and bully'],
    ['zk://h?session=4', "'4' has no unit"],
    ['zk://h?dialect=curator', 'use curator-latch or curator-lock or kazoo'],
    ['zk://h/a//b', 'no path such as'],
    ['zk://h/a/', 'no path such as'],
    ['zk://h?tls-cert=c.pem', 'given together'],
    ['zk://h?nope=1', 'known: session, dialect'],
    ['zk://h?auth=u:hunter2', "'auth' is a secret"],
  ])('%s is refused', (url, problem) => {
    expect(problemsOf(url)).toContain(problem)
    expect(problemsOf(url)).not.toContain('hunter2')
  })
})

describe('{ type: zookeeper }', () => {
  test('means what the URL means', () => {
    const object = {
      type: 'zookeeper',
      servers: ['h1', 'h2:1'],
      chroot: '/app',
      session: '5s',
      dialect: 'curator-lock',
      serverTick: '1s',
      tls: { caFile: 'ca' },
      tokenBase: 9,
    }
    expect(fromObject(object)).toEqual({
      problems: [],
      description: parse('zk://h1,h2:1/app?session=5s&dialect=curator-lock&tick=1s&tls-ca=ca&token-base=9'),
    })
  })

  test('tells all problems at once', () => {
    const object = { type: 'zk', servers: [7], chroot: 'app', session: 5, dialect: 'x', auth: 'u:p' }
    const { problems } = fromObject(object)
    expect(problems).toHaveLength(5)
    expect(problems.join()).not.toContain('u:p')
  })
})

describe('the credentials', () => {
  test('come from the environment, and are refused without being shown', async () => {
    const context = { onBackgroundFailure: () => undefined, warn: () => undefined }
    vi.stubEnv('MANDATE_ZOOKEEPER_AUTH', 'hunter2')
    const wrong = backendFrom(parse('zk://h'), context)
    await expect(wrong).rejects.toThrow('MANDATE_ZOOKEEPER_AUTH is not of the form user:password')
    vi.stubEnv('MANDATE_ZOOKEEPER_AUTH', 'me:hunter2')
    const backend = await backendFrom(parse('zk://h?acl=creator'), context)
    expect(backend.facts.order).toBe('queue')
    await backend.close()
  })
})
