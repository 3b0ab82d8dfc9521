import { afterEach, describe, expect, it } from 'vitest'
import { durationMs, durationText } from './duration-text.ts'
import { keyOf } from '../../fencing/consul/layout.ts'
import {
  LOCK_FLAG,
  SEMAPHORE_FLAG,
  decodeLockValue,
  encodeLockValue,
  foreignUse,
} from '../../fencing/consul/lock-value.ts'
import { consulSettings } from './options.ts'
import type { ConsulOptions } from './options.ts'

const variable = process.env['CONSUL_HTTP_TOKEN']
afterEach(() => {
  if (variable === undefined) delete process.env['CONSUL_HTTP_TOKEN']
  else process.env['CONSUL_HTTP_TOKEN'] = variable
})

describe('options', () => {
  it('without any mean the local agent, a session of 10 s and a lock delay of 1 s', () => {
    expect(consulSettings({})).toMatchObject({
      host: '127.0.0.1',
      port: 8500,
      secure: false,
      ttlMs: 10_000,
      lockDelayMs: 1000,
      serfHealth: false,
    })
  })

  it('keep the lock delay below the check, so that a takeover takes hardly longer than that', () => {
    expect(consulSettings({ checkMs: 3000 }).lockDelayMs).toBe(750)
  })

  it('make the lock delay a whole lease where gossip may end the session', () => {
    expect(consulSettings({ serfHealth: true, ttlMs: 15_000 }).lockDelayMs).toBe(15_000)
    expect(() => consulSettings({ serfHealth: true, lockDelayMs: 1000 })).toThrow(/at least ttlMs/)
  })

  it('take the ACL token from the variable, and show it to nobody', () => {
    process.env['CONSUL_HTTP_TOKEN'] = 'from-the-variable'
    expect(consulSettings({}).token).toBe('from-the-variable')
    expect(() => consulSettings({ token: 'se cret' })).toThrow(/^(?!.*se cret)/)
  })

  it.each<[string, ConsulOptions, RegExp]>([
    ['a short session', { ttlMs: 5000 }, /10000 to 86400000 ms/],
    ['a short check', { checkMs: 100 }, /1000 ms up to ttlMs/],
    ['a long lock delay', { lockDelayMs: 61_000 }, /0 to 60000 ms/],
    ['a slash too many', { prefix: '/leaders' }, /single slashes/],
    ['no address', { address: 'http://' }, /host:port/],
    ['a key without its certificate', { tls: { key: 'x' } }, /or neither/],
    ['TLS over http', { address: 'http://a', tls: {} }, /https/],
    ['a misspelt option', { ttl: '10s' } as never, /no such option; the options are address/],
  ])('refuse %s', (_, options, message) => {
    expect(() => consulSettings(options)).toThrow(message)
  })

  it('tell every problem at once', () => {
    expect(() => consulSettings({ ttlMs: 1, checkMs: 1, layout: 'deep' as never })).toThrow(
      /layout is .*ttlMs is 1.*checkMs is 1/,
    )
  })
})

describe('keys', () => {
  it('are those of `consul lock`, or the name itself', () => {
    expect(keyOf('job', { prefix: '', layout: 'lock' })).toBe('job/.lock')
    expect(keyOf('team/job', { prefix: 'a/b', layout: 'lock' })).toBe('a/b/team/job/.lock')
    expect(keyOf('job', { prefix: 'a', layout: 'key' })).toBe('a/job')
  })

  it.each(['/job', 'job/', 'a//b', '.', 'a/../b'])(
    "refuse the name %s, which Consul's server would change",
    (name) => {
      expect(() => keyOf(name, { prefix: 'p', layout: 'lock' })).toThrow(
        expect.objectContaining({ code: 'INVALID_NAME' }),
      )
    },
  )
})

describe('values', () => {
  const value = { id: 'a', metadata: { url: 'http://a' }, session: 's', index: 12n }

  it('come back as they were written', () => {
    expect(decodeLockValue(encodeLockValue(value))).toEqual(value)
    expect(decodeLockValue(encodeLockValue({ ...value, index: null }))).toEqual({ ...value, index: null })
  })

  it.each(['', 'host-7', '{}', '[]', 'null', '{"mandate":2,"id":"a","session":"s"}', '{"mandate":1,"id":7}'])(
    'of others are none: %s',
    (text) => expect(decodeLockValue(text)).toBeUndefined(),
  )

  it('tell a lock from a semaphore and from everything else', () => {
    expect(foreignUse(LOCK_FLAG)).toBeUndefined()
    expect(foreignUse(SEMAPHORE_FLAG)).toMatch(/semaphore/)
    // What a client makes of the flag that sends it as a double.
    expect(foreignUse(3304740253564472300n)).toMatch(/drops or rounds/)
    expect(foreignUse(0n)).toMatch(/flags 0/)
  })
})

describe('durations', () => {
  it('are sent with a unit', () => expect(durationText(10_000)).toBe('10000ms'))
  it.each([
    ['10s', 10_000],
    ['1m0.5s', 60_500],
    ['1h', 3_600_000],
    ['750ms', 750],
    ['', undefined],
    ['10', undefined],
  ])('%s is %s ms', (text, ms) => expect(durationMs(text)).toBe(ms))
})
