import { describe, expect, test } from 'vitest'
import { isMandateError } from '../errors.ts'
import { parseBackendUrl } from './url.ts'

const parse = (url: string) => parseBackendUrl(url, '/base')

function problemsOf(url: string): string {
  try {
    parse(url)
  } catch (error) {
    if (isMandateError(error, 'INVALID_OPTIONS')) return error.message
    throw error
  }
  return 'no problem at all'
}

describe('raft URLs', () => {
  test('the example of the outside grammar means what it says', () => {
    const url = 'raft://a@127.0.0.1:7401,b@127.0.0.1:7402,c@127.0.0.1:7403?self=a&data=./data/a'
    expect(parse(url)).toEqual({
      type: 'raft',
      peers: { a: '127.0.0.1:7401', b: '127.0.0.1:7402', c: '127.0.0.1:7403' },
      self: 'a',
      dataDir: '/base/data/a',
    })
  })

  test('without self it describes a client', () => {
    expect(parse('raft://a@h1:1,b@h2:2')).toEqual({ type: 'raft', peers: { a: 'h1:1', b: 'h2:2' } })
  })

  test('a cluster may be named, and its tokens start at a base', () => {
    expect(parse('raft://a@h:1?cluster=blue&token-base=900')).toMatchObject({
      cluster: 'blue',
      tokenBase: '900',
    })
    expect(problemsOf('raft://a@h:1?token-base=-1')).toContain("token-base is '-1'")
    expect(problemsOf('raft://a@h:1?token-base=1e9')).toContain('a whole number')
  })

  test('IPv6 is written in brackets, in peers and in listen', () => {
    expect(parse('raft://a@[::1]:7401,b@[fe80::2]:7402?listen=[::]:7401')).toEqual({
      type: 'raft',
      peers: { a: '[::1]:7401', b: '[fe80::2]:7402' },
      listen: '[::]:7401',
    })
    expect(problemsOf('raft://a@::1:7401')).toContain('write IPv6 in brackets')
    expect(problemsOf('raft://a@[::zz]:7401')).toContain('not an IPv6 address')
  })

  test('values and ids are percent-decoded', () => {
    expect(parse('raft://a%2Cb@h:1?data=%2Fvar%2Fmy%20data')).toMatchObject({
      peers: { 'a,b': 'h:1' },
      dataDir: '/var/my data',
    })
    expect(problemsOf('raft://a@h:1?data=50%')).toContain('write % as %25')
  })

  test('timing is a preset, numbers, or both', () => {
    expect(parse('raft://a@h:1?timing=fast')).toMatchObject({ timing: { preset: 'fast' } })
    expect(parse('raft://a@h:1?timing=calm&heartbeat=50ms&election-timeout=150ms-300ms')).toMatchObject({
      timing: { preset: 'calm', heartbeatMs: 50, electionTimeoutMs: [150, 300] },
    })
  })

  test('a duration without a unit is refused, with both spellings', () => {
    expect(problemsOf('raft://a@h:1?heartbeat=50')).toContain("'50' has no unit: write 50ms or 50s")
  })

  test('all problems are told at once, with the known keys', () => {
    const message = problemsOf(
      'raft://a@h1,h2:7402,a@h3:7403?sefl=a&timing=slow&heartbeat=3&insecure=yes&insecure=no',
    )
    expect(message).toContain("'h1' has no port")
    expect(message).toContain("'h2:7402' has no id")
    expect(message).toContain("no key 'sefl'")
    expect(message).toContain('known: self, data, listen, timing, heartbeat, election-timeout')
    expect(message).toContain("not 'slow'")
    expect(message).toContain("'3' has no unit")
    expect(message).toContain("'insecure' is given twice")
    expect(message).toContain("not 'yes'")
  })

  test('self must be one of the peers, whatever objects have by birth', () => {
    expect(problemsOf('raft://a@h:1?self=b')).toContain("self is 'b', which is none of the peers. Known: a")
    expect(problemsOf('raft://a@h:1?self=constructor')).toContain('none of the peers')
  })

  test('one address cannot be two peers, and one id cannot have two addresses', () => {
    expect(problemsOf('raft://a@h:1,b@h:1')).toContain("'a' and 'b' have the same address h:1")
    expect(problemsOf('raft://a@h:1,a@h:2')).toContain("'a' is given twice")
  })

  test.each([
    ['raft://', 'names no peer'],
    ['raft://a@h:1,,b@h:2', 'a peer is missing'],
    ['raft://@h:1', 'empty id'],
    ['raft://a@h:0', 'not a port'],
    ['raft://a@h:70000', 'not a port'],
    ['raft://a@h:x', 'not a port'],
    ['raft://a@ho st:1', 'not a host name'],
    ['raft://a@h:1/prefix', 'has no path'],
    ['raft://a@h:1?insecure', 'write key=value'],
    ['raft://a@h:1?data=', "'data' is empty"],
    ['raft://a@h:1#b', "'#'"],
    ['raft:/a@h:1', 'not a URL'],
    ['a@h:1', 'not a URL'],
    ['', 'not a URL'],
    ['redis://h:1', "'redis' is no backend. Known: raft,"],
    ['memory://x', 'no peers'],
    ['memory://?x=1', "no key 'x'"],
  ])('%s is refused', (url, problem) => {
    expect(problemsOf(url)).toContain(problem)
  })
})

describe('secrets', () => {
  test.each(['raft://a:hunter2@h:1', 'etcd://root:hunter2@h1,h2', 'raft://x@y:hunter2@h:1'])(
    '%s is refused, and the message does not repeat the password',
    (url) => {
      const message = problemsOf(url)
      expect(message).toContain('user:password@ is refused')
      expect(message).not.toContain('hunter2')
    },
  )

  test.each(['password', 'secret', 'token', 'auth', 'api-key'])('the key %s is refused', (key) => {
    const message = problemsOf(`raft://a@h:1?${key}=hunter2`)
    expect(message).toContain(`'${key}' is a secret`)
    expect(message).not.toContain('hunter2')
  })
})

test('quorum=false is the classic bully, with a quorum it is not said, and elsewhere it is refused', () => {
  expect(parse('bully://a@h:1?quorum=false')).toMatchObject({ type: 'bully', quorum: false })
  expect(parse('bully://a@h:1?quorum=true')).not.toHaveProperty('quorum')
  expect(problemsOf('raft://a@h:1?quorum=false')).toContain('quorum belongs to bully, not to raft')
  expect(problemsOf('bully://a@h:1?quorum=maybe')).toContain('quorum is true or false, not "maybe"')
  expect(problemsOf('bully://a@h:1?quorum=false&token-base=7')).toContain('without one there are no tokens')
})
