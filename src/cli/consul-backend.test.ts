import { expect, test } from 'vitest'
import { fromObject, parse } from '../testing/backend-descriptions.ts'

test('the example of the outside grammar means what it says', () => {
  expect(parse('consul://127.0.0.1:8500/prefix')).toEqual({
    type: 'consul',
    address: 'http://127.0.0.1:8500',
    prefix: 'prefix',
  })
})

test('every key has its place', () => {
  const url =
    'consul://agent/a/b?ttl=15s&check=3s&lock-delay=500ms&serf-health=false&dc=eu&ns=team&layout=key&scope=blue&token-base=9'
  expect(parse(url)).toEqual({
    type: 'consul',
    address: 'http://agent:8500',
    prefix: 'a/b',
    ttlMs: 15_000,
    checkMs: 3000,
    lockDelayMs: 500,
    serfHealth: false,
    datacenter: 'eu',
    namespace: 'team',
    layout: 'key',
    scope: 'blue',
    tokenBase: '9',
  })
})

test('certificates mean TLS, at its own port, with paths from the base', () => {
  expect(parse('consul://agent?tls-ca=ca.pem')).toEqual({
    type: 'consul',
    address: 'https://agent:8501',
    tls: { caFile: '/base/ca.pem' },
  })
  expect(parse('consul://[::1]:9?tls=true')).toMatchObject({ address: 'https://[::1]:9' })
})

test.each([
  ['consul://a,b', /one agent/],
  ['consul://x@a', /no ids/],
  ['consul://a?ttl=10', /has no unit/],
  ['consul://a?layout=deep', /'lock' or 'key'/],
  ['consul://a?token=s3cret', /is a secret/],
  ['consul://a?wait=1s', /no key 'wait' \(known: ttl, check/],
])('%s is refused', (url, message) => {
  expect(() => parse(url)).toThrow(message)
})

test('an object of a file says the same as the URL', () => {
  const value = {
    type: 'consul',
    address: 'agent:8500',
    prefix: 'p',
    ttl: '10s',
    check: '3s',
    tls: { caFile: 'ca.pem' },
  }
  expect(fromObject(value)).toEqual({
    problems: [],
    description: { ...parse('consul://agent/p?ttl=10s&check=3s&tls-ca=ca.pem'), address: 'agent:8500' },
  })
})

test('all problems of an object are told at once', () => {
  const value = { type: 'consul', ttl: 5, serfHealth: 'yes', color: 'red', tls: true }
  expect(fromObject(value).problems).toEqual([
    expect.stringContaining("no key 'color'"),
    // Taken for no wish at all, it would send the ACL token in the clear.
    expect.stringContaining('tls is true: write a map'),
    expect.stringContaining('ttl is 5 where a text'),
    expect.stringContaining("serfHealth is 'yes'"),
  ])
})
